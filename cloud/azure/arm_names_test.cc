// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/arm_names.h"

#include <gtest/gtest.h>

#include <string>

namespace constellation::cloud::azure {
namespace {

TEST(ArmNamesTest, IdsAreSafePaths) {
  for (const char* good :
       {"/subscriptions/0-1/resourceGroups/r_g.(x)", "/communityGalleries/a"}) {
    EXPECT_TRUE(IsArmId(good)) << good;
  }
  for (const char* bad : {"", "x", "/", "/a/", "//a", "/a/../b", "/a/.", "/a?b",
                          "/a#b", "/a%2fb", "/a b", "/a\n", "/a@b"}) {
    EXPECT_FALSE(IsArmId(bad)) << bad;
  }
  EXPECT_FALSE(IsArmId("/" + std::string(2048, 'a')));
}

TEST(ArmNamesTest, ComparesWithoutCase) {
  EXPECT_TRUE(SameId("/A/b", "/a/B"));
  EXPECT_FALSE(SameId("/a/b", "/a/bc"));
  EXPECT_TRUE(IsBelow("/a/B/c", "/A/b"));
  EXPECT_FALSE(IsBelow("/a/bc", "/a/b"));
  EXPECT_EQ(SegmentBehind("/x/virtualmachines/7/y", "virtualMachines"), "7");
  EXPECT_EQ(SegmentBehind("/x/virtualMachines", "virtualMachines"), "");
}

TEST(ArmNamesTest, TextsConsistOfWhatIsAllowed) {
  EXPECT_TRUE(Consists("abc", "abc", 3));
  EXPECT_FALSE(Consists("", "abc", 3));
  EXPECT_FALSE(Consists("abca", "abc", 3));
  EXPECT_FALSE(Consists("ab/", "abc", 3));
}

TEST(ArmNamesTest, UuidsAreStable) {
  EXPECT_EQ(UuidOf("a"), UuidOf("a"));
  EXPECT_NE(UuidOf("a"), UuidOf("b"));
  EXPECT_TRUE(IsUuid(UuidOf("a")));
  EXPECT_EQ(UuidOf("a")[14], '5');
  EXPECT_FALSE(IsUuid("0a1b2c3d"));
  EXPECT_EQ(UrlEncode("a b'/\xc3"), "a%20b%27%2F%C3");
}

}  // namespace
}  // namespace constellation::cloud::azure
