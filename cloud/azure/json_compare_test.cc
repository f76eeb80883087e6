// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/json_compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace constellation::cloud::azure {
namespace {

using nlohmann::json;
using ::testing::SizeIs;

TEST(JsonCompareTest, IgnoresWhatOthersAdd) {
  const json want = {{"a", {{"id", "/subscriptions/S/x"}}},
                     {"rules", {{{"name", "constellation-a"}, {"port", 1}}}}};
  json got = want;
  got["a"]["id"] = "/subscriptions/s/X";
  got["more"] = 1;
  got["rules"].push_back({{"name", "k8s-rule"}});
  got["rules"][0]["etag"] = "e";
  EXPECT_TRUE(Covers(got, want));
  got["rules"][0]["port"] = 2;
  EXPECT_FALSE(Covers(got, want));
}

TEST(JsonCompareTest, NoticesALeftoverOfOurs) {
  const json want = {{"rules", {{{"name", "constellation-a"}}}}};
  json got = want;
  got["rules"].push_back({{"name", "Constellation-debug"}});
  EXPECT_FALSE(Covers(got, want));
  EXPECT_THAT(KeepForeignChildren(want, got)["rules"], SizeIs(1));
}

TEST(JsonCompareTest, PlainListsHaveNoOrder) {
  EXPECT_TRUE(Covers({"2", "1"}, {"1", "2"}));
  EXPECT_FALSE(Covers({"1", "2", "3"}, {"1", "2"}));
  EXPECT_FALSE(Covers(json(), {"1"}));
  EXPECT_FALSE(Covers({{"a", 1}}, {{"b", 1}}));
}

TEST(JsonCompareTest, KeepsForeignChildrenAndTags) {
  const json want = {{"tags", {{"constellation-uid", "u"}}},
                     {"rules", {{{"name", "constellation-a"}, {"port", 1}}}}};
  const json got = {{"etag", "e"},
                    {"tags", {{"policy", "p"}, {"constellation-uid", "old"}}},
                    {"rules",
                     {{{"name", "constellation-a"}, {"port", 9}},
                      {{"name", "k8s"},
                       {"etag", "e"},
                       {"p", {{"provisioningState", "x"}}}}}}};
  const json merged = KeepForeignChildren(want, got);
  EXPECT_EQ(merged["tags"],
            json({{"policy", "p"}, {"constellation-uid", "u"}}));
  EXPECT_FALSE(merged.contains("etag"));
  ASSERT_THAT(merged["rules"], SizeIs(2));
  EXPECT_EQ(merged["rules"][0]["port"], 1);
  EXPECT_EQ(merged["rules"][1], json({{"name", "k8s"}, {"p", json::object()}}));
}

}  // namespace
}  // namespace constellation::cloud::azure
