// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/node_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "disk-mapper/testing/node_fixture.h"

namespace constellation::disk_mapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

cloud::InstanceMetadata Self() {
  cloud::InstanceMetadata self;
  self.name = "worker-0";
  self.cluster_ip = "10.42.0.21";
  self.cluster_prefix_length = 24;
  self.cluster_mac = "52:54:00:ab:cd:ef";
  return self;
}

TEST(ClusterNetworkFileTest, NamesInterfaceAndAddress) {
  ASSERT_OK_AND_ASSIGN(const std::string file, ClusterNetworkFile(Self()));
  EXPECT_EQ(file,
            "[Match]\nMACAddress=52:54:00:ab:cd:ef\n\n"
            "[Network]\nAddress=10.42.0.21/24\nLinkLocalAddressing=no\n"
            "IPv6AcceptRA=no\n\n"
            "[Route]\nDestination=0.0.0.0/0\nScope=link\nMetric=4096\n"
            "PreferredSource=10.42.0.21\n");
}

// The metadata service is the host's: a line break would be another setting.
TEST(ClusterNetworkFileTest, RefusesWhatIsNoMacAddress) {
  for (const char* bad :
       {"52:54:00:ab:cd:e", "52:54:00:ab:cd:ef0", "52-54-00-ab-cd-ef",
        "52:54:00:AB:CD:EF", "52:54:00:ab:cd:eg", "52:54:00:ab:cd:e\n",
        "52:54:00:ab:cd:ef\n", "::::::::::::::::"}) {
    cloud::InstanceMetadata self = Self();
    self.cluster_mac = bad;
    EXPECT_THAT(ClusterNetworkFile(self),
                StatusIs(kInvalid, "metadata: cluster MAC address: not one"))
        << bad;
  }
}

TEST(ClusterNetworkFileTest, RefusesWhatIsNoIpv4Address) {
  // A NUL would hide the lines behind it from inet_pton().
  const std::string hidden("10.42.0.21\0\nDNS=6.6.6.6", 23);
  for (const std::string& bad :
       {std::string(), std::string("10.42.0"), std::string("10.42.0.256"),
        std::string("fd00::1"), std::string("10.42.0.21\nDNS=6.6.6.6"),
        std::string("10.42.0.21 "), std::string("name"), hidden}) {
    cloud::InstanceMetadata self = Self();
    self.cluster_ip = bad;
    EXPECT_THAT(ClusterNetworkFile(self),
                StatusIs(kInvalid, "metadata: cluster IP address: not IPv4"))
        << bad;
  }
}

TEST(ClusterNetworkFileTest, PrefixesHaveBothLimits) {
  cloud::InstanceMetadata self = Self();
  for (const unsigned good : {8U, 30U}) {
    self.cluster_prefix_length = good;
    EXPECT_THAT(ClusterNetworkFile(self), IsOk());
  }
  self.cluster_prefix_length = 7;
  EXPECT_THAT(ClusterNetworkFile(self),
              StatusIs(kInvalid,
                       "metadata: cluster prefix length: want 8 to "
                       "30, got 7"));
  self.cluster_prefix_length = 31;
  EXPECT_THAT(ClusterNetworkFile(self), StatusIs(kInvalid));
}

class NodeNetworkTest : public ::testing::Test {
 protected:
  testing::FakeNode node_;
};

TEST_F(NodeNetworkTest, WritesFileForNetworkd) {
  ASSERT_THAT(SetUpNodeNetwork(node_.paths, node_.runner, Self()), IsOk());
  EXPECT_EQ(*ReadFile(node_.paths.ClusterNetwork()),
            *ClusterNetworkFile(Self()));
  struct stat status {};
  ASSERT_EQ(stat(node_.paths.ClusterNetwork().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0644U);  // networkd is not root
  EXPECT_THAT(node_.runner.commands,
              ElementsAre(ElementsAre("networkctl", "reload")));
}

TEST_F(NodeNetworkTest, CloudsThatDoItNeedNothing) {
  cloud::InstanceMetadata self = Self();
  self.cluster_mac = "";
  ASSERT_THAT(SetUpNodeNetwork(node_.paths, node_.runner, self), IsOk());
  EXPECT_TRUE(node_.runner.commands.empty());
  EXPECT_FALSE(FileExists(node_.paths.ClusterNetwork()));
}

TEST_F(NodeNetworkTest, BadMetadataWritesNothing) {
  cloud::InstanceMetadata self = Self();
  self.cluster_ip = "x";
  EXPECT_THAT(SetUpNodeNetwork(node_.paths, node_.runner, self),
              StatusIs(kInvalid));
  EXPECT_FALSE(FileExists(node_.paths.ClusterNetwork()));
  EXPECT_TRUE(node_.runner.commands.empty());
}

TEST_F(NodeNetworkTest, FailureOfNetworkdIsTold) {
  node_.runner.failing = "networkctl";
  EXPECT_THAT(SetUpNodeNetwork(node_.paths, node_.runner, Self()),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("it failed")));
}

// Before the kernel is asked; a good name is not tried here.
TEST(SetHostNameTest, RefusesWhatIsNoNodeName) {
  for (const std::string& bad :
       {std::string(), std::string("A"), std::string("a b"), std::string("a\n"),
        std::string(64, 'a'), std::string("-a")}) {
    EXPECT_THAT(SetHostName(bad),
                StatusIs(kInvalid, "host name: not a node name"))
        << bad;
  }
}

}  // namespace
}  // namespace constellation::disk_mapper
