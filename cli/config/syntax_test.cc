// SPDX-License-Identifier: Apache-2.0
#include "cli/config/syntax.h"

#include <gtest/gtest.h>

#include <string>

namespace constellation::cli {
namespace {

TEST(SyntaxTest, Labels) {
  EXPECT_TRUE(IsDnsLabel("a-1"));
  for (const char* bad : {"", "-a", "a-", "A", "a.b", "a_b", "ä"}) {
    EXPECT_FALSE(IsDnsLabel(bad)) << bad;
  }
  EXPECT_FALSE(IsDnsLabel(std::string(64, 'a')));
  EXPECT_TRUE(IsHostName("a.b-c.de"));
  EXPECT_FALSE(IsHostName("a..b"));
}

TEST(SyntaxTest, Networks) {
  EXPECT_TRUE(IsIpv4Cidr("10.0.0.0/8"));
  for (const char* bad :
       {"10.0.0.0", "10.0.0.0/7", "10.0.0.0/31", "10.0.0/8", "10.0.0.1/8",
        "010.0.0.0/8", "256.0.0.0/8", "10.0.0.0/+8", "10.0.0.0/8 ", "::/64"}) {
    EXPECT_FALSE(IsIpv4Cidr(bad)) << bad;
  }
  EXPECT_TRUE(CidrsOverlap("10.0.0.0/8", "10.4.0.0/16"));
  EXPECT_FALSE(CidrsOverlap("10.0.0.0/9", "10.128.0.0/9"));
}

TEST(SyntaxTest, Sources) {
  for (const char* good : {"0.0.0.0/0", "203.0.113.7/32", "10.0.0.0/8"}) {
    EXPECT_TRUE(IsIpv4Source(good)) << good;
  }
  for (const char* bad : {"203.0.113.7", "203.0.113.7/24", "1.2.3.4/33", "",
                          "::/0", "0.0.0.0/00"}) {
    EXPECT_FALSE(IsIpv4Source(bad)) << bad;
  }
}

TEST(SyntaxTest, Uuids) {
  EXPECT_TRUE(IsUuid("970ace5c-458f-484A-a660-0903bcfd91ad"));
  for (const char* bad :
       {"", "970ace5c458f484aa6600903bcfd91ad", "970ace5c-458f-484a-a660",
        "970ace5c-458f-484a-a660-0903bcfd91aX",
        "970ace5-c458f-484a-a660-0903bcfd91ad"}) {
    EXPECT_FALSE(IsUuid(bad)) << bad;
  }
}

TEST(SyntaxTest, Versions) {
  EXPECT_TRUE(IsFullVersion("v1.20.2"));
  for (const char* bad : {"1.20.2", "v1.20", "v1.20.2-rc", "v01.2.3", "v"}) {
    EXPECT_FALSE(IsFullVersion(bad)) << bad;
  }
}

}  // namespace
}  // namespace constellation::cli
