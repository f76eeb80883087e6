// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/network_names.h"

#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace constellation::bootstrapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;

TEST(Ipv4NetworkTest, ParsesWhatItPrints) {
  for (const char* text : {"10.244.0.0/16", "0.0.0.0/0", "192.168.1.1/32"}) {
    ASSERT_OK_AND_ASSIGN(const Ipv4Network network, Ipv4Network::Parse(text));
    EXPECT_EQ(network.ToString(), text);
  }
}

TEST(Ipv4NetworkTest, RefusesMalformedText) {
  for (const char* text :
       {"", "10.244.0.0", "10.244.0.0/", "10.244.0.0/33", "10.244.0.0/-1",
        "10.244.0.0/16x", "10.244.0/16", "10.244.0.1/16", "fd00::/64",
        "10.244.0.0/1 6", "+10.0.0.0/8", "10.0.0.0/08"}) {
    EXPECT_THAT(Ipv4Network::Parse(text),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << text;
  }
}

TEST(Ipv4NetworkTest, KnowsContentsAndOverlap) {
  ASSERT_OK_AND_ASSIGN(const Ipv4Network pods,
                       Ipv4Network::Parse("10.244.0.0/16"));
  ASSERT_OK_AND_ASSIGN(const Ipv4Network part,
                       Ipv4Network::Parse("10.244.3.0/24"));
  ASSERT_OK_AND_ASSIGN(const Ipv4Network other,
                       Ipv4Network::Parse("10.245.0.0/16"));
  constexpr uint32_t kInside = 0x0af4ffff;  // 10.244.255.255
  EXPECT_TRUE(pods.Contains(kInside));
  EXPECT_FALSE(pods.Contains(kInside + 1));
  EXPECT_TRUE(pods.Overlaps(part));
  EXPECT_TRUE(part.Overlaps(pods));
  EXPECT_FALSE(pods.Overlaps(other));
  EXPECT_EQ(part.AddressAt(10), "10.244.3.10");
}

TEST(DnsNamesTest, AcceptsOnlyLowerCaseLabels) {
  EXPECT_TRUE(IsDnsLabel("control-plane-0"));
  EXPECT_TRUE(IsDnsLabel(std::string(63, 'a')));
  EXPECT_TRUE(IsDnsName("api.example.com"));
  for (const std::string& text :
       {std::string(), std::string("-a"), std::string("a-"), std::string("A"),
        std::string("a_b"), std::string("a\nb"), std::string(64, 'a'),
        std::string("a.b")}) {
    EXPECT_FALSE(IsDnsLabel(text)) << text;
  }
  EXPECT_FALSE(IsDnsName("a..b"));
  EXPECT_FALSE(IsDnsName("a.b."));
  EXPECT_FALSE(IsDnsName("*.example.com"));
}

TEST(EndpointTest, AcceptsAddressOrNameWithAPort) {
  EXPECT_TRUE(IsEndpoint("10.42.0.11:6443"));
  EXPECT_TRUE(IsEndpoint("api.example.com:1"));
  for (const std::string& text :
       {std::string("10.42.0.11"), std::string("10.42.0.11:0"),
        std::string("10.42.0.11:65536"), std::string("10.42.0.11:1x"),
        std::string("[::1]:6443"), std::string(":6443"),
        std::string("10.42.0.11\0:6443", 16)}) {
    EXPECT_FALSE(IsEndpoint(text)) << text;
  }
}

}  // namespace
}  // namespace constellation::bootstrapper
