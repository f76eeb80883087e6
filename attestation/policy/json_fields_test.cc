// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/json_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Json = nlohmann::json;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr std::string_view kKeys[] = {"flag", "number", "list"};

// An object at "p" with one member. It refers to `document`.
class JsonFieldsTest : public ::testing::Test {
 protected:
  JsonObject With(const char* key, Json value) {
    document_ = Json::object();
    document_[key] = std::move(value);
    return JsonObject::Of(document_, "p", kKeys).value();
  }
  JsonObject Empty() {
    document_ = Json::object();
    return JsonObject::Of(document_, "p", kKeys).value();
  }
  Json document_;
};

TEST_F(JsonFieldsTest, FlagsAreTrueOrFalse) {
  EXPECT_THAT(BoolOr(With("flag", true), "flag", false), IsOkAndHolds(true));
  EXPECT_THAT(BoolOr(With("flag", false), "flag", true), IsOkAndHolds(false));
  EXPECT_THAT(BoolOr(Empty(), "flag", true), IsOkAndHolds(true));
  for (const Json& other : {Json(0), Json(1), Json("true"), Json()}) {
    EXPECT_THAT(BoolOr(With("flag", other), "flag", false),
                StatusIs(kInvalid, HasSubstr("p.flag: want true or false")))
        << other;
  }
}

TEST_F(JsonFieldsTest, NumbersAreWholeAndBounded) {
  EXPECT_THAT(NumberUpTo(With("number", 7U), "number", 7),
              IsOkAndHolds(uint64_t{7}));
  EXPECT_THAT(NumberUpTo(With("number", 8U), "number", 7),
              StatusIs(kInvalid, HasSubstr("p.number: want 0 to 7, got 8")));
  for (const Json& other : {Json(-1), Json(1.0), Json("1"), Json(true)}) {
    EXPECT_THAT(NumberUpTo(With("number", other), "number", 7),
                StatusIs(kInvalid, HasSubstr("want a whole number")))
        << other;
  }
  EXPECT_THAT(NumberUpTo(Empty(), "number", 7),
              StatusIs(kInvalid, HasSubstr("p.number: missing")));
}

// One that was made in memory may have a signed type.
TEST_F(JsonFieldsTest, PositiveSignedNumbersAreNumbers) {
  EXPECT_THAT(NumberUpTo(With("number", int64_t{5}), "number", 7),
              IsOkAndHolds(uint64_t{5}));
}

TEST_F(JsonFieldsTest, OptionalNumbersMayBeAbsentNothingElse) {
  EXPECT_THAT(OptionalNumber(Empty(), "number", 7),
              IsOkAndHolds(std::optional<uint64_t>()));
  EXPECT_THAT(OptionalNumber(With("number", 0U), "number", 7),
              IsOkAndHolds(std::optional<uint64_t>(0)));
  EXPECT_THAT(OptionalNumber(With("number", Json()), "number", 7),
              StatusIs(kInvalid));
}

TEST_F(JsonFieldsTest, ListsMayBeAbsentButNotEmpty) {
  EXPECT_THAT(StringList(Empty(), "list"), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(StringList(With("list", Json::array()), "list"),
              StatusIs(kInvalid, HasSubstr("leave the key out to demand "
                                           "nothing")));
  EXPECT_THAT(StringList(With("list", "a"), "list"),
              StatusIs(kInvalid, HasSubstr("want an array")));
}

TEST_F(JsonFieldsTest, ListsAreBoundedAndHaveNothingTwice) {
  Json many = Json::array();
  for (int i = 0; i < 256; ++i) {
    many.push_back(i);
  }
  EXPECT_THAT(NumberList(With("list", many), "list", 300),
              IsOkAndHolds(::testing::SizeIs(256)));
  many.push_back(256);
  EXPECT_THAT(NumberList(With("list", many), "list", 300),
              StatusIs(kInvalid, HasSubstr("want 1 to 256 entries, got 257")));
  EXPECT_THAT(StringList(With("list", Json::array({"a", "b", "a"})), "list"),
              StatusIs(kInvalid, HasSubstr("p.list[2]: given twice")));
  EXPECT_THAT(NumberList(With("list", Json::array({7, 8, 7})), "list", 9),
              StatusIs(kInvalid, HasSubstr("p.list[2]: given twice")));
}

TEST_F(JsonFieldsTest, TextsArePrintableAndShort) {
  EXPECT_THAT(
      StringList(With("list", Json::array({"a", std::string(256, '~')})),
                 "list"),
      IsOkAndHolds(::testing::SizeIs(2)));
  for (const std::string& text :
       {std::string(), std::string(257, 'a'), std::string("a\nb"),
        std::string("a\x7f"), std::string("\xc3\xa4")}) {
    EXPECT_THAT(StringList(With("list", Json::array({text})), "list"),
                StatusIs(kInvalid, HasSubstr("p.list[0]: want 1 to 256")));
  }
  EXPECT_THAT(StringList(With("list", Json::array({1})), "list"),
              StatusIs(kInvalid, HasSubstr("p.list[0]: want a string")));
}

TEST_F(JsonFieldsTest, NumbersOfAListAreBounded) {
  EXPECT_THAT(NumberList(With("list", Json::array({3U, 0U})), "list", 3),
              IsOkAndHolds(ElementsAre(3, 0)));
  EXPECT_THAT(NumberList(With("list", Json::array({3U, 4U})), "list", 3),
              StatusIs(kInvalid, HasSubstr("p.list[1]: want 0 to 3, got 4")));
}

TEST_F(JsonFieldsTest, HexHasOneOfItsSizes) {
  constexpr size_t kSizes[] = {2, 4};
  EXPECT_THAT(BytesList(With("list", Json::array({"00ff", "01020304"})), "list",
                        kSizes),
              IsOkAndHolds(ElementsAre(Bytes{0, 0xff}, Bytes{1, 2, 3, 4})));
  for (const char* text : {"", "00", "000000", "0000000000"}) {
    EXPECT_THAT(
        BytesList(With("list", Json::array({text})), "list", kSizes),
        StatusIs(kInvalid, HasSubstr("p.list[0]: want hex of 2 or 4 octets")))
        << text;
  }
  EXPECT_THAT(BytesList(With("list", Json::array({"zzzz"})), "list", kSizes),
              StatusIs(kInvalid, HasSubstr("p.list[0]")));
  EXPECT_THAT(BytesList(With("list", Json::array({4})), "list", kSizes),
              StatusIs(kInvalid));
  // With one size the message counts digits.
  EXPECT_THAT(HexList<2>(With("list", Json::array({"00"})), "list"),
              StatusIs(kInvalid, HasSubstr("want 4 hex digits, got 2")));
  EXPECT_THAT(HexList<2>(With("list", Json::array({"0a0b"})), "list"),
              IsOkAndHolds(ElementsAre(std::array<uint8_t, 2>{10, 11})));
}

// What has its default is left out, and an empty list is no list.
TEST(PutFieldsTest, DefaultsAreLeftOut) {
  Json object = Json::object();
  PutBool(object, "flag", true, true);
  PutBool(object, "flag2", false, false);
  PutList(object, "list", std::vector<std::string>());
  PutHexList(object, "hex", std::vector<Bytes>());
  EXPECT_EQ(object, Json::object());
  PutBool(object, "flag", false, true);
  PutList(object, "list", std::vector<uint64_t>{3, 1});
  PutHexList(object, "hex", std::vector<Bytes>{{0x0a}, {}});
  EXPECT_EQ(object.dump(), R"({"flag":false,"hex":["0a",""],"list":[3,1]})");
}

}  // namespace
}  // namespace constellation::attestation
