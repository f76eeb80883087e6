// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/json_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr std::string_view kKeys[] = {"count", "name", "digest", "since"};

TEST(ParseStrictJsonTest, ReadsJson) {
  EXPECT_THAT(ParseStrictJson(R"({"a":[1,{"b":null}]})"), IsOk());
  EXPECT_THAT(ParseStrictJson("3"), IsOk());
}

TEST(ParseStrictJsonTest, RefusesTheSameKeyTwiceAtAnyDepth) {
  EXPECT_THAT(ParseStrictJson(R"({"a":{"b":1,"b":2}})"),
              StatusIs(kInvalid, HasSubstr("key \"b\": given twice")));
  EXPECT_THAT(ParseStrictJson(R"([{"b":1},{"b":2}])"), IsOk());
  EXPECT_THAT(ParseStrictJson(R"({"a":{"b":1},"b":2})"), IsOk());
  // Escapes do not hide it.
  EXPECT_THAT(ParseStrictJson("{\"b\":1,\"\\u0062\":2}"),
              StatusIs(kInvalid, HasSubstr("given twice")));
}

TEST(ParseStrictJsonTest, RefusesWhatFollowsTheDocument) {
  EXPECT_THAT(ParseStrictJson("{} {}"), StatusIs(kInvalid));
  EXPECT_THAT(ParseStrictJson(std::string_view("{}\0", 3)), StatusIs(kInvalid));
}

TEST(ParseStrictJsonTest, LimitsDepthNotWidth) {
  EXPECT_THAT(ParseStrictJson(std::string(16, '[') + std::string(16, ']')),
              IsOk());
  EXPECT_THAT(ParseStrictJson(std::string(20, '[') + std::string(20, ']')),
              StatusIs(kInvalid, HasSubstr("nesting")));
}

class JsonObjectTest : public ::testing::Test {
 protected:
  absl::StatusOr<JsonObject> Read(const std::string& text) {
    document_ = Json::parse(text);
    return JsonObject::Of(document_, "doc", kKeys);
  }
  Json document_;
};

TEST_F(JsonObjectTest, ReadsValues) {
  ASSERT_OK_AND_ASSIGN(const JsonObject object,
                       Read(R"({"count":7,"name":"x","digest":"0aFF",)"
                            R"("since":"2026-01-31T23:59:59Z"})"));
  EXPECT_THAT(object.Number("count"), IsOkAndHolds(7U));
  EXPECT_THAT(object.String("name"), IsOkAndHolds("x"));
  EXPECT_THAT(object.Hex("digest", 2), IsOkAndHolds(Bytes{0x0a, 0xff}));
  ASSERT_OK_AND_ASSIGN(const auto since, object.OptionalTime("since"));
  ASSERT_TRUE(since.has_value());
  EXPECT_EQ(FormatUtc(*since), "2026-01-31T23:59:59Z");
  EXPECT_EQ(object.PlaceOf("name"), "doc.name");
}

TEST_F(JsonObjectTest, TimeMayBeAbsentNothingElse) {
  ASSERT_OK_AND_ASSIGN(const JsonObject object, Read("{}"));
  EXPECT_THAT(object.OptionalTime("since"), IsOkAndHolds(std::nullopt));
  EXPECT_THAT(object.Number("count"),
              StatusIs(kInvalid, HasSubstr("doc.count: missing")));
  EXPECT_THAT(object.String("name"), StatusIs(kInvalid));
  EXPECT_THAT(object.Hex("digest", 2), StatusIs(kInvalid));
  EXPECT_THAT(object.Array("name"), StatusIs(kInvalid));
}

TEST_F(JsonObjectTest, NamesTheKindItGot) {
  const std::pair<const char*, const char*> values[] = {
      {"null", "null"},      {"{}", "an object"},   {"[]", "an array"},
      {"true", "a boolean"}, {"\"7\"", "a string"}, {"-7", "a negative number"},
      {"7.0", "a fraction"}, {"1e400", "not JSON"}};
  for (const auto& [text, kind] : values) {
    const std::string document = std::string("{\"count\":") + text + "}";
    const auto parsed = ParseStrictJson(document);
    if (!parsed.ok()) {
      EXPECT_THAT(parsed, StatusIs(kInvalid, HasSubstr(kind)));
      continue;
    }
    ASSERT_OK_AND_ASSIGN(const JsonObject object, Read(document));
    EXPECT_THAT(
        object.Number("count"),
        StatusIs(kInvalid,
                 HasSubstr(std::string("doc.count: want a whole number, got ") +
                           kind)));
  }
}

TEST_F(JsonObjectTest, ShowsHostileKeysHarmlessly) {
  EXPECT_THAT(Read("{\"\\u001b[2J\":1}"),
              StatusIs(kInvalid, HasSubstr("unknown key \"?[2J\"")));
  const std::string huge(5000, 'k');
  const auto status = Read("{\"" + huge + "\":1}").status();
  EXPECT_LT(status.message().size(), 200U);
}

TEST(ShownTextTest, IsPrintableAndShort) {
  EXPECT_EQ(ShownText("plain"), "plain");
  EXPECT_EQ(ShownText("a\nb\x7f\xc3\xa4"), "a?b???");
  EXPECT_EQ(ShownText(std::string(65, 'x')), std::string(64, 'x') + "...");
}

TEST(FormatUtcTest, HasFourDigitsOfYear) {
  EXPECT_EQ(
      FormatUtc(absl::FromCivil(absl::CivilDay(64, 1, 1), absl::UTCTimeZone())),
      "0064-01-01T00:00:00Z");
}

}  // namespace
}  // namespace constellation::attestation
