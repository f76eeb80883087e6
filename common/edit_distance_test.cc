// SPDX-License-Identifier: Apache-2.0
#include "common/edit_distance.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace constellation {
namespace {

TEST(EditDistanceTest, CountsEdits) {
  EXPECT_EQ(EditDistance("", ""), 0U);
  EXPECT_EQ(EditDistance("abc", ""), 3U);
  EXPECT_EQ(EditDistance("memory", "memroy"), 1U);  // one swap
  EXPECT_EQ(EditDistance("vcpus", "vcpu"), 1U);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3U);
  EXPECT_EQ(EditDistance("stateDiskSizeGb", "stateDiskSizeGB"), 0U);
}

TEST(EditDistanceTest, NearestWordMustBeNear) {
  const std::vector<std::string> known = {"vcpus", "memory", "firmware"};
  EXPECT_EQ(NearestWord("vcpu", known), "vcpus");
  EXPECT_EQ(NearestWord("memroy", known), "memory");
  EXPECT_EQ(NearestWord("mem", known), "memory");
  EXPECT_EQ(NearestWord("zzz", known), std::nullopt);
  EXPECT_EQ(NearestWord("", known), std::nullopt);
  EXPECT_EQ(NearestWord(std::string(100'000, 'x'), known), std::nullopt);
  EXPECT_EQ(NearestWord("x", std::vector<std::string>()), std::nullopt);
}

TEST(EditDistanceTest, TakesViews) {
  const std::vector<std::string_view> known = {"name", "digest"};
  EXPECT_EQ(NearestWord("nmae", known), "name");
  EXPECT_EQ(NearestWord("Digest", known), "digest");
  EXPECT_EQ(NearestWord("somethingElse", known), std::nullopt);
}

TEST(EditDistanceTest, CutsLongWords) {
  EXPECT_EQ(EditDistance(std::string(64, 'a') + "x", std::string(64, 'a')), 0U);
  EXPECT_EQ(EditDistance(std::string(1000, 'a'), ""), 64U);
}

}  // namespace
}  // namespace constellation
