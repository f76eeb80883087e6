// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/json.h"

#include <string>

#include "common/testing/status_matchers.h"

namespace constellation::kubernetes {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

TEST(JsonTest, RefusesTextThatIsNotJson) {
  for (const char* text : {"", "{", "{}x", "{\"a\":1,}", "\xff"}) {
    EXPECT_THAT(
        ParseJson(text, "answer"),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("answer:")))
        << text;
  }
}

TEST(JsonTest, RefusesDeepNestingWithoutRecursing) {
  const std::string deep(1'000'000, '[');
  EXPECT_THAT(
      ParseJson(deep, "answer"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nested")));
  const std::string closed =
      std::string(kMaxJsonDepth + 1, '[') + std::string(kMaxJsonDepth + 1, ']');
  EXPECT_THAT(ParseJson(closed, "answer"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  const std::string allowed =
      std::string(kMaxJsonDepth, '[') + std::string(kMaxJsonDepth, ']');
  EXPECT_THAT(ParseJson(allowed, "answer"), IsOk());
}

TEST(JsonTest, NeverQuotesTheText) {
  const absl::StatusOr<Json> parsed = ParseJson("hunter2", "answer");
  ASSERT_FALSE(parsed.ok());
  EXPECT_THAT(std::string(parsed.status().message()),
              ::testing::Not(HasSubstr("hunter2")));
}

TEST(JsonTest, FindsOnlyMembersOfTheRightType) {
  ASSERT_OK_AND_ASSIGN(
      const Json object,
      ParseJson(R"({"a":{"s":"x","i":7,"b":true,"e":""},"l":[1]})", "test"));
  EXPECT_EQ(FindString(object, {"a", "s"}), "x");
  EXPECT_EQ(FindString(object, {"a", "i"}), std::nullopt);
  EXPECT_EQ(FindString(object, {"l", "s"}), std::nullopt);
  EXPECT_EQ(FindInteger(object, {"a", "i"}), 7);
  EXPECT_EQ(FindInteger(object, {"a", "s"}), std::nullopt);
  EXPECT_EQ(FindBool(object, {"a", "b"}), true);
  EXPECT_EQ(FindBool(object, {"a", "i"}), std::nullopt);
  EXPECT_THAT(RequireString(object, {"a", "s"}), IsOkAndHolds("x"));
  EXPECT_THAT(RequireString(object, {"a", "e"}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("a.e")));
}

TEST(JsonTest, WritesTextThatIsNotUtf8) {
  EXPECT_EQ(ToText(Json("a\xff")), "\"a\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace constellation::kubernetes
