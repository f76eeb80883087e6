// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/pod_network_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/command.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::bootstrapper {
namespace {

using Json = nlohmann::json;
using ::constellation::testing::IsOk;
using ::testing::HasSubstr;

std::string Key(uint8_t value) {
  return Base64Encode(Bytes(32, value));
}

Ipv4Network Network(std::string_view text) {
  return *Ipv4Network::Parse(text);
}

Json GoodNode() {
  return {
      {"metadata",
       {{"name", "worker-0"},
        {"annotations", {{kWireGuardKeyAnnotation, Key(1)}}}}},
      {"spec", {{"podCIDR", "10.244.1.0/24"}}},
      {"status",
       {{"conditions",
         Json::array({{{"type", "DiskPressure"}, {"status", "False"}},
                      {{"type", "Ready"}, {"status", "True"}}})},
        {"addresses",
         Json::array({{{"type", "Hostname"}, {"address", "worker-0"}},
                      {{"type", "InternalIP"}, {"address", "10.42.0.21"}}})}}}};
}

TEST(NodeFactsTest, ReadsNode) {
  const NodeFacts facts = FactsOfNode(GoodNode());
  EXPECT_EQ(facts, (NodeFacts{"10.42.0.21", "10.244.1.0/24", Key(1), true}));
}

TEST(NodeFactsTest, LeavesOutWhatIsMissingOrMalformed) {
  Json node = GoodNode();
  node["metadata"]["annotations"][kWireGuardKeyAnnotation] = "remove";
  EXPECT_EQ(FactsOfNode(node).wireguard_key, "");
  node["metadata"]["annotations"][kWireGuardKeyAnnotation] = Key(0);
  EXPECT_EQ(FactsOfNode(node).wireguard_key, "");
  node["metadata"].erase("annotations");
  EXPECT_EQ(FactsOfNode(node).wireguard_key, "");
  node["spec"]["podCIDR"] = "10.244.1.1/24";
  EXPECT_EQ(FactsOfNode(node).pod_cidr, "");
  node["spec"]["podCIDR"] = 7;
  EXPECT_EQ(FactsOfNode(node).pod_cidr, "");
  node["status"]["addresses"][1]["address"] = "10.42.0.21 --evil";
  EXPECT_EQ(FactsOfNode(node).internal_ip, "");
  node["status"]["conditions"][1]["status"] = "Unknown";
  EXPECT_FALSE(FactsOfNode(node).ready);
  node["status"]["addresses"] = "none";
  EXPECT_EQ(FactsOfNode(node).internal_ip, "");
  EXPECT_EQ(FactsOfNode(Json::array()), NodeFacts{});
}

class PlanPeersTest : public ::testing::Test {
 protected:
  MeshPeers Plan() {
    return PlanPeers(nodes_, "self", Network("10.244.0.0/16"));
  }

  std::map<std::string, NodeFacts> nodes_ = {
      {"self", {"10.42.0.11", "10.244.0.0/24", Key(1)}},
      {"worker-0", {"10.42.0.21", "10.244.1.0/24", Key(2)}}};
};

TEST_F(PlanPeersTest, TakesAllButItself) {
  const MeshPeers peers = Plan();
  ASSERT_EQ(peers.size(), 1U);
  EXPECT_EQ(peers.at(Key(2)), (MeshPeer{"10.42.0.21", "10.244.1.0/24"}));
}

TEST_F(PlanPeersTest, LeavesOutIncompleteNodes) {
  nodes_["a"] = {"", "10.244.2.0/24", Key(3)};
  nodes_["b"] = {"10.42.0.22", "", Key(4)};
  nodes_["c"] = {"10.42.0.23", "10.244.3.0/24", ""};
  EXPECT_EQ(Plan().size(), 1U);
}

TEST_F(PlanPeersTest, NobodyGetsTrafficThatIsNotHis) {
  nodes_["evil-0"] = {"10.42.0.66", "0.0.0.0/0", Key(5)};
  nodes_["evil-1"] = {"10.42.0.66", "10.0.0.0/8", Key(6)};
  nodes_["evil-2"] = {"10.42.0.66", "10.42.0.0/24", Key(7)};
  nodes_["x-steals-ip"] = {"10.42.0.21", "10.244.6.0/24", Key(10)};
  nodes_["x-own-ip"] = {"10.42.0.11", "10.244.5.0/24", Key(11)};
  nodes_["x-steals-pods"] = {"10.42.0.66", "10.244.1.0/24", Key(8)};
  nodes_["x-steals-own"] = {"10.42.0.66", "10.244.0.0/24", Key(9)};
  nodes_["x-steals-key"] = {"10.42.0.66", "10.244.9.0/24", Key(2)};
  nodes_["x-own-key"] = {"10.42.0.66", "10.244.8.0/24", Key(1)};
  const MeshPeers peers = Plan();
  ASSERT_EQ(peers.size(), 1U);
  EXPECT_EQ(peers.at(Key(2)).node_ip, "10.42.0.21");
}

TEST(CniConfigTest, GivesPodsAddressesOfThisNode) {
  const Json config = Json::parse(MakeCniConfig(Network("10.244.1.0/24")));
  EXPECT_EQ(config["plugins"][0]["type"], "bridge");
  EXPECT_EQ(config["plugins"][0]["mtu"], 1420);
  EXPECT_EQ(config["plugins"][0]["ipam"]["ranges"][0][0]["subnet"],
            "10.244.1.0/24");
  EXPECT_EQ(config["plugins"][1]["type"], "portmap");
}

TEST(FirewallRulesTest, DropWhatIsNotEncrypted) {
  const std::string rules =
      MakeFirewallRules({Network("10.244.0.0/16"), Network("10.96.0.0/16")});
  EXPECT_THAT(rules, HasSubstr("-A CONSTELLATION-IN -s 10.244.0.0/16 -j DROP"));
  EXPECT_THAT(rules, HasSubstr("-A CONSTELLATION-IN -d 10.244.0.0/16 -j DROP"));
  EXPECT_THAT(rules,
              HasSubstr("-A CONSTELLATION-OUT -d 10.244.0.0/16 -j DROP"));
  EXPECT_THAT(rules,
              HasSubstr("-A CONSTELLATION-SERVICES -d 10.96.0.0/16 -j REJECT"));
  EXPECT_LT(rules.find("-i wg0 -j RETURN"), rules.find("-j DROP"));
  EXPECT_THAT(rules,
              HasSubstr("-A CONSTELLATION-IN -p tcp --dport 10250 -j DROP"));
  EXPECT_THAT(
      rules, HasSubstr("-A CONSTELLATION-HOST -p tcp --dport 10250 -j REJECT"));
}

// Where iptables and a network namespace can be had, the real thing reads them.
TEST(FirewallRulesTest, RealIptablesAcceptsThem) {
  ProcessRunner runner;
  CommandOptions options;
  const std::string rules =
      MakeFirewallRules({Network("10.244.0.0/16"), Network("10.96.0.0/16")});
  options.input = AsBytes(rules);
  const auto probe =
      runner.Run({"unshare", "--net", "iptables", "-t", "raw", "-L"}, {});
  if (!probe.ok() || probe->exit_code != 0) {
    GTEST_SKIP() << "no network namespace with iptables here";
  }
  const auto result =
      runner.Run({"unshare", "--net", "sh", "-c",
                  "iptables-restore --noflush && iptables -t mangle -S && "
                  "iptables -t raw -I PREROUTING -j CONSTELLATION-IN"},
                 options);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->exit_code, 0) << result->err;
  EXPECT_THAT(result->out,
              HasSubstr("-A CONSTELLATION-OUT -d 10.244.0.0/16 -j DROP"));
}

}  // namespace
}  // namespace constellation::bootstrapper
