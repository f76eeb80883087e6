// SPDX-License-Identifier: Apache-2.0
#include "cloud/json_fields.h"

#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace constellation::cloud {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(ParseJsonObject, RejectsWhatIsNoObject) {
  EXPECT_THAT(ParseJsonObject("{}", "x", 10), IsOk());
  EXPECT_THAT(ParseJsonObject("[]", "x", 10),
              StatusIs(kInvalid, HasSubstr("want a JSON object, got array")));
  EXPECT_THAT(ParseJsonObject("{", "x", 10),
              StatusIs(kInvalid, HasSubstr("not JSON")));
  EXPECT_THAT(ParseJsonObject("{\"a\":\"\xff\"}", "x", 100),
              StatusIs(kInvalid, HasSubstr("not JSON")));
  EXPECT_THAT(ParseJsonObject("{\"a\":1234}", "x", 9),
              StatusIs(kInvalid, HasSubstr("at most 9")));
}

std::string Nested(size_t depth) {
  return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') +
         "}";
}

TEST(ParseJsonObject, RejectsDeepNesting) {
  EXPECT_THAT(ParseJsonObject(Nested(32), "x", 100), IsOk());
  EXPECT_THAT(ParseJsonObject(Nested(33), "x", 100),
              StatusIs(kInvalid, HasSubstr("deeper than 32")));
  EXPECT_THAT(ParseJsonObject(Nested(500000), "x", 2000000),
              StatusIs(kInvalid));
  // Brackets in strings do not count, quotes behind a backslash do not end one.
  EXPECT_THAT(ParseJsonObject("{\"a\":\"\\\"" + std::string(99, '[') + "\"}",
                              "x", 1000),
              IsOk());
}

TEST(JsonFields, ReadsEveryType) {
  const auto object = nlohmann::json::parse(
      R"({"s":"text","n":7,"b":true,"a":[1],"o":{"x":1}})");
  JsonFields fields(object, "thing");
  EXPECT_EQ(fields.String("s"), "text");
  EXPECT_EQ(fields.Unsigned("n", 0, 10), 7U);
  EXPECT_TRUE(fields.Bool("b"));
  EXPECT_EQ(fields.Array("a", 1)->size(), 1U);
  EXPECT_EQ(fields.Object("o")->size(), 1U);
  EXPECT_EQ(fields.StringOr("missing", "default"), "default");
  EXPECT_EQ(fields.UnsignedOr("absent", 3, 0, 9), 3U);
  EXPECT_THAT(fields.Finish(/*allow_unknown=*/false), IsOk());
}

TEST(JsonFields, RejectsUnknownKeys) {
  const auto object = nlohmann::json::parse(R"({"s":"text","zz":1})");
  JsonFields fields(object, "thing");
  fields.String("s");
  EXPECT_THAT(fields.Finish(/*allow_unknown=*/true), IsOk());
  EXPECT_THAT(fields.Finish(/*allow_unknown=*/false),
              StatusIs(kInvalid, HasSubstr("thing: unknown key \"zz\"")));
}

absl::Status Reading(std::string_view json,
                     const std::function<void(JsonFields&)>& read) {
  const auto object = nlohmann::json::parse(json);
  JsonFields fields(object, "thing");
  read(fields);
  return fields.Finish(/*allow_unknown=*/true);
}

TEST(JsonFields, RejectsWrongTypesAndRanges) {
  const auto string = [](JsonFields& f) { f.String("k", 3); };
  EXPECT_THAT(Reading("{}", string), StatusIs(kInvalid, HasSubstr("missing")));
  EXPECT_THAT(Reading(R"({"k":1})", string),
              StatusIs(kInvalid, HasSubstr("want a string, got number")));
  EXPECT_THAT(Reading(R"({"k":"abcd"})", string),
              StatusIs(kInvalid, HasSubstr("4 octets")));
  const auto number = [](JsonFields& f) { f.Unsigned("k", 2, 5); };
  EXPECT_THAT(Reading(R"({"k":-3})", number),
              StatusIs(kInvalid, HasSubstr("got -3")));
  EXPECT_THAT(Reading(R"({"k":2.5})", number), StatusIs(kInvalid));
  EXPECT_THAT(Reading(R"({"k":"3"})", number),
              StatusIs(kInvalid, HasSubstr("got string")));
  EXPECT_THAT(Reading(R"({"k":6})", number),
              StatusIs(kInvalid, HasSubstr("want 2 to 5, got 6")));
  EXPECT_THAT(Reading(R"({"k":1})", [](JsonFields& f) { f.Bool("k"); }),
              StatusIs(kInvalid, HasSubstr("true or false")));
  EXPECT_THAT(Reading(R"({"k":{}})", [](JsonFields& f) { f.Array("k", 1); }),
              StatusIs(kInvalid, HasSubstr("want an array")));
  EXPECT_THAT(Reading(R"({"k":[1,2]})", [](JsonFields& f) { f.Array("k", 1); }),
              StatusIs(kInvalid, HasSubstr("2 elements")));
  EXPECT_THAT(Reading(R"({"k":[]})", [](JsonFields& f) { f.Object("k"); }),
              StatusIs(kInvalid, HasSubstr("want an object")));
}

TEST(JsonFields, KeepsTheFirstMistake) {
  EXPECT_THAT(Reading("{}",
                      [](JsonFields& f) {
                        f.String("first");
                        f.String("second");
                        f.Reject("third", "bad");
                      }),
              StatusIs(kInvalid, HasSubstr("\"first\": missing")));
}

TEST(DumpJson, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(DumpJson(nlohmann::json("a\xff")), "\"a\xef\xbf\xbd\"");
  EXPECT_TRUE(IsUtf8("/home/jürgen"));
  EXPECT_FALSE(IsUtf8("/home/j\xfcrgen"));
}

}  // namespace
}  // namespace constellation::cloud
