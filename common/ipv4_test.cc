// SPDX-License-Identifier: Apache-2.0
#include "common/ipv4.h"

#include <gtest/gtest.h>

#include <string>

namespace constellation {
namespace {

TEST(Ipv4Test, ReadsWholeAddressesAndNetworksOnly) {
  EXPECT_EQ(ParseIpv4("192.168.178.10"), 0xc0a8b20aU);
  EXPECT_EQ(Ipv4Text(0xc0a8b20aU), "192.168.178.10");
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", " 1.2.3.4",
                           "1.2.3.4 ", "1.2.3.04", "0x1.2.3.4", "::1"}) {
    EXPECT_FALSE(ParseIpv4(text)) << text;
  }
  EXPECT_FALSE(ParseIpv4(std::string("1.2.3.4\0x", 9)));
  EXPECT_FALSE(ParseIpv4Network(std::string("1.2.3.4\0/32", 11)));
  EXPECT_EQ(ParseIpv4Network("10.0.0.0/8")->size(), uint64_t{1} << 24U);
  EXPECT_EQ(ParseIpv4Network("0.0.0.0/0")->size(), uint64_t{1} << 32U);
  for (const char* text : {"10.0.0.0", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/",
                           "10.0.0.0/08", "10.0.0.0/8x"}) {
    EXPECT_FALSE(ParseIpv4Network(text)) << text;
  }
}

TEST(IpTest, TakesBothFamiliesAndNothingElse) {
  for (const char* text : {"127.0.0.1", "::", "::1", "fd00::1:2",
                           "1:2:3:4:5:6:7:8", "::ffff:10.0.0.1"}) {
    EXPECT_TRUE(IsIp(text)) << text;
  }
  for (const char* text : {"", "127.0.0.1 ", "localhost", "[::1]", "::1/64",
                           "fe80::1%eth0", "1:2:3:4:5:6:7:8:9", "::1 "}) {
    EXPECT_FALSE(IsIp(text)) << text;
  }
  EXPECT_FALSE(IsIp(std::string("127.0.0.1\0", 10)));
  EXPECT_FALSE(IsIp(std::string("::1\0x", 5)));
}

}  // namespace
}  // namespace constellation
