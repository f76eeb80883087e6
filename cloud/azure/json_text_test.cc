// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/json_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace constellation::cloud::azure {
namespace {

using nlohmann::json;

TEST(JsonTextTest, FindsTextsOnly) {
  const json body = {{"a", {{"b", {"x", 7}}}}, {"n", nullptr}};
  EXPECT_EQ(TextAt(body, "/a/b/0"), "x");
  for (const char* other : {"/a/b/1", "/a/b/2", "/a/b/x", "/a/b", "/a", "/n",
                            "/c", "/n/x", "/a/b/0/x"}) {
    EXPECT_EQ(TextAt(body, other), "") << other;
  }
  for (const json& hostile : {json(), json(7), json("x"), json::array()}) {
    EXPECT_EQ(TextAt(hostile, "/a"), "") << hostile;
  }
}

TEST(JsonTextTest, ALongTextIsNone) {
  const json body = {{"a", "12345"}};
  EXPECT_EQ(TextAt(body, "/a", 5), "12345");
  EXPECT_EQ(TextAt(body, "/a", 4), "");
  EXPECT_EQ(TextAt({{"a", std::string((size_t{1} << 20U) + 1, 'x')}}, "/a"),
            "");
}

}  // namespace
}  // namespace constellation::cloud::azure
