// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/pod_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "bootstrapper/testing/fake_command_runner.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::bootstrapper {
namespace {

using Json = nlohmann::json;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string Key(uint8_t value) {
  return Base64Encode(Bytes(32, value));
}

Ipv4Network Network(std::string_view text) {
  return *Ipv4Network::Parse(text);
}

class PodNetworkTest : public ::testing::Test {
 protected:
  PodNetworkTest() {
    nodes_["self"] = {"10.42.0.11", "10.244.0.0/24", Key(1)};
    nodes_["other"] = {"10.42.0.12", "10.244.1.0/24", Key(2)};
    runner_.FailOn("wg show wg0 public-key", "No such device");
    runner_.On("wg set wg0 listen-port", [this] {
      runner_.OnOutput("wg show wg0 public-key", Key(1) + "\n");
      return CommandResult{};
    });
    runner_.On("iptables -t raw -C", [] { return CommandResult{1, "", ""}; });
  }

  constellation::testing::TempDir folder_;
  testing::FakeCommandRunner runner_;
  std::map<std::string, NodeFacts> nodes_;
  PodNetwork network_{runner_,
                      NodePaths{folder_.path()},
                      "self",
                      {Network("10.244.0.0/16"), Network("10.96.0.0/16")}};
};

TEST_F(PodNetworkTest, SetsUpEverythingOnce) {
  ASSERT_OK_AND_ASSIGN(const PodNetwork::Result result,
                       network_.Reconcile(nodes_, false));
  EXPECT_EQ(result.public_key, Key(1));
  EXPECT_EQ(result.peers, 1U);
  const auto lines = runner_.lines();
  EXPECT_THAT(lines, Contains("ip link add dev wg0 mtu 1420 type wireguard"));
  EXPECT_THAT(lines, Contains("ip address replace 10.244.0.0/32 dev wg0"));
  EXPECT_THAT(lines, Contains("wg set wg0 peer " + Key(2) +
                              " endpoint 10.42.0.12:51820 allowed-ips "
                              "10.244.1.0/24,10.42.0.12/32"));
  EXPECT_THAT(
      lines,
      Contains("ip route replace 10.244.1.0/24 dev wg0 scope link table main"));
  EXPECT_THAT(
      lines,
      Contains("ip route replace 10.42.0.12 dev wg0 scope link table 51820"));
  EXPECT_THAT(lines, Contains("ip rule add priority 1000 ipproto tcp dport "
                              "10250 lookup 51820"));
  ASSERT_THAT(network_.Reconcile(nodes_, false), IsOk());
  EXPECT_EQ(runner_.lines().size(), lines.size()) << "nothing left to do";
}

TEST_F(PodNetworkTest, TheFirewallStandsBeforeAnyPodCanStart) {
  const std::string config =
      folder_.path() + "/etc/cni/net.d/10-constellation.conflist";
  runner_.On("iptables-restore --noflush", [&config] {
    EXPECT_FALSE(FileExists(config));
    return CommandResult{};
  });
  ASSERT_THAT(network_.Reconcile(nodes_, false), IsOk());
  EXPECT_TRUE(FileExists(config));
  EXPECT_LT(runner_.Position("iptables-restore"), runner_.Position("ip link"));
  EXPECT_THAT(runner_.lines(),
              Contains("iptables -t raw -I PREROUTING -j CONSTELLATION-IN"));
  for (const char* chain : {"OUTPUT", "FORWARD"}) {
    EXPECT_TRUE(runner_.Ran(std::string("iptables -t filter -C ") + chain +
                            " -j CONSTELLATION-SERVICES"));
  }
  EXPECT_THAT(runner_.lines(), Not(Contains(StartsWith("iptables -t nat -I"))))
      << "the jump was there";
}

TEST_F(PodNetworkTest, WithoutAFirewallThereIsNoNetwork) {
  runner_.FailOn("iptables-restore", "broken");
  EXPECT_THAT(network_.Reconcile(nodes_, false),
              StatusIs(absl::StatusCode::kInternal));
  EXPECT_FALSE(runner_.Ran("ip link"));
  EXPECT_FALSE(
      FileExists(folder_.path() + "/etc/cni/net.d/10-constellation.conflist"));
}

TEST_F(PodNetworkTest, ThePrivateKeyIsNeverAnArgument) {
  ASSERT_THAT(network_.Reconcile(nodes_, false), IsOk());
  const std::string key = runner_.InputOf("wg set wg0 listen-port");
  ASSERT_OK_AND_ASSIGN(const Bytes octets, Base64Decode(key));
  EXPECT_EQ(octets.size(), 32U);
  for (const std::string& line : runner_.lines()) {
    EXPECT_THAT(line, Not(HasSubstr(key)));
  }
}

TEST_F(PodNetworkTest, ARestartedAgentKeepsTheKernelsKey) {
  runner_.OnOutput("wg show wg0 public-key", Key(9) + "\n");
  ASSERT_OK_AND_ASSIGN(const PodNetwork::Result result,
                       network_.Reconcile(nodes_, false));
  EXPECT_EQ(result.public_key, Key(9));
  EXPECT_FALSE(runner_.Ran("ip link add"));
  EXPECT_FALSE(runner_.Ran("wg set wg0 listen-port"));
}

TEST_F(PodNetworkTest, ForgetsNodesThatWent) {
  ASSERT_THAT(network_.Reconcile(nodes_, false), IsOk());
  runner_.OnOutput("wg show wg0 peers", Key(2) + "\n" + Key(3) + "\n");
  runner_.OnOutput("ip -4 route show table main dev wg0",
                   "10.244.1.0/24 scope link \n10.244.7.0/24 scope link \n");
  runner_.OnOutput("ip -4 route show table 51820", "10.42.0.12 scope link \n");
  runner_.OnOutput("ip rule show", "1000: from all dport 10250 lookup 51820\n");
  nodes_.erase("other");
  nodes_["new"] = {"10.42.0.13", "10.244.2.0/24", Key(4)};
  ASSERT_THAT(network_.Reconcile(nodes_, false), IsOk());
  EXPECT_THAT(runner_.lines(),
              Contains(::testing::AllOf(
                  HasSubstr("peer " + Key(2) + " remove"),
                  HasSubstr("peer " + Key(3) + " remove"),
                  HasSubstr("peer " + Key(4) + " endpoint 10.42.0.13:51820"))));
  for (const char* gone :
       {"10.244.1.0/24 dev wg0 table main", "10.244.7.0/24 dev wg0 table main",
        "10.42.0.12 dev wg0 table 51820"}) {
    EXPECT_THAT(runner_.lines(), Contains(std::string("ip route del ") + gone));
  }
  EXPECT_THAT(runner_.lines(),
              ::testing::Contains(StartsWith("ip rule add")).Times(1));
}

TEST_F(PodNetworkTest, ATableWithoutRoutesIsNoError) {
  runner_.FailOn("ip -4 route show table 51820", "FIB table does not exist");
  EXPECT_THAT(network_.Reconcile(nodes_, false), IsOk());
}

TEST_F(PodNetworkTest, TriesAgainWhatFailed) {
  runner_.FailOn("wg set wg0 peer", "busy");
  EXPECT_THAT(network_.Reconcile(nodes_, false),
              StatusIs(absl::StatusCode::kInternal));
  runner_.On("wg set wg0 peer", [] { return CommandResult{}; });
  EXPECT_THAT(network_.Reconcile(nodes_, false), IsOk());
}

TEST_F(PodNetworkTest, WaitsForItsPodNetwork) {
  nodes_["self"].pod_cidr.clear();
  EXPECT_THAT(network_.Reconcile(nodes_, false),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  nodes_["self"].pod_cidr = "192.168.0.0/24";
  EXPECT_THAT(network_.Reconcile(nodes_, false),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("want one inside 10.244.0.0/16")));
  nodes_.clear();
  EXPECT_THAT(network_.Reconcile(nodes_, false),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(runner_.lines().empty());
}

}  // namespace
}  // namespace constellation::bootstrapper
