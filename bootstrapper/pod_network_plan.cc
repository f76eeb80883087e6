// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/pod_network_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/ipv4.h"
#include "kubernetes/json.h"

namespace constellation::bootstrapper {
namespace {

using Json = nlohmann::json;

constexpr char kBridge[] = "cni0";

// Networks either contain each other or share nothing.
bool Inside(const Ipv4Network& inner, const Ipv4Network& outer) {
  return inner.prefix_length() >= outer.prefix_length() &&
         inner.Overlaps(outer);
}

// The first InternalIP that is one.
std::string InternalIp(const Json& node) {
  const Json* addresses = kubernetes::Find(node, {"status", "addresses"});
  if (addresses == nullptr || !addresses->is_array()) {
    return "";
  }
  for (const Json& address : *addresses) {
    const auto ip = kubernetes::FindString(address, {"address"});
    if (kubernetes::FindString(address, {"type"}) == "InternalIP" &&
        ip.has_value() && ParseIpv4(*ip)) {
      return *ip;
    }
  }
  return "";
}

// What kubelet says of itself.
bool IsReady(const Json& node) {
  const Json* conditions = kubernetes::Find(node, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) {
    return false;
  }
  return std::ranges::any_of(*conditions, [](const Json& condition) {
    return kubernetes::FindString(condition, {"type"}) == "Ready" &&
           kubernetes::FindString(condition, {"status"}) == "True";
  });
}

}  // namespace

NodeFacts FactsOfNode(const Json& node) {
  NodeFacts facts;
  facts.internal_ip = InternalIp(node);
  facts.ready = IsReady(node);
  const auto pod_cidr = kubernetes::FindString(node, {"spec", "podCIDR"});
  if (pod_cidr.has_value() && Ipv4Network::Parse(*pod_cidr).ok()) {
    facts.pod_cidr = *pod_cidr;
  }
  const auto key = kubernetes::FindString(
      node, {"metadata", "annotations", kWireGuardKeyAnnotation});
  if (key.has_value() && IsWireGuardKey(*key)) {
    facts.wireguard_key = *key;
  }
  return facts;
}

// A node that claims another's address, key or pods gets nothing: what is this
// node's own is taken first, then what the others have in the order of their
// names.
MeshPeers PlanPeers(const std::map<std::string, NodeFacts>& nodes,
                    const std::string& self, const Ipv4Network& cluster_pods) {
  MeshPeers peers;
  std::set<std::string> taken;
  const auto own = nodes.find(self);
  if (own != nodes.end()) {
    taken.insert({own->second.pod_cidr, own->second.wireguard_key,
                  own->second.internal_ip});
  }
  for (const auto& [name, facts] : nodes) {
    const auto pods = Ipv4Network::Parse(facts.pod_cidr);
    if (name == self || facts.internal_ip.empty() ||
        facts.wireguard_key.empty() || !pods.ok() ||
        !Inside(*pods, cluster_pods) || taken.contains(facts.pod_cidr) ||
        taken.contains(facts.wireguard_key) ||
        taken.contains(facts.internal_ip)) {
      continue;
    }
    taken.insert({facts.pod_cidr, facts.wireguard_key, facts.internal_ip});
    peers[facts.wireguard_key] = {facts.internal_ip, facts.pod_cidr};
  }
  return peers;
}

// State of addresses lies on tmpfs: pods do not survive a reboot either.
std::string MakeCniConfig(const Ipv4Network& pod_cidr) {
  const Json config = {
      {"cniVersion", "0.4.0"},
      {"name", "constellation"},
      {"plugins",
       Json::array(
           {{{"type", "bridge"},
             {"bridge", kBridge},
             {"isDefaultGateway", true},
             // See MakeFirewallRules(): pods keep their address inside the
             // cluster.
             {"ipMasq", false},
             {"hairpinMode", true},
             {"mtu", kWireGuardMtu},
             {"ipam",
              {{"type", "host-local"},
               {"dataDir", "/run/constellation/cni"},
               {"ranges", Json::array({Json::array(
                              {{{"subnet", pod_cidr.ToString()}}})})}}}},
            {{"type", "portmap"},
             {"capabilities", {{"portMappings", true}}}}})}};
  return config.dump(2) + "\n";
}

std::string MakeFirewallRules(const ClusterNetworks& cluster) {
  // The chains are declared, hence emptied, and refilled in one transaction;
  // the jumps are put in place separately (PodNetwork), once.
  return fmt::format(
      "*raw\n"
      ":CONSTELLATION-IN - [0:0]\n"
      "-A CONSTELLATION-IN -i {bridge} -j RETURN\n"
      "-A CONSTELLATION-IN -i {mesh} -j RETURN\n"
      "-A CONSTELLATION-IN -i lo -j RETURN\n"
      "-A CONSTELLATION-IN -s {pods} -j DROP\n"
      "-A CONSTELLATION-IN -d {pods} -j DROP\n"
      "-A CONSTELLATION-IN -p tcp --dport {kubelet} -j DROP\n"
      "COMMIT\n"
      "*mangle\n"
      ":CONSTELLATION-OUT - [0:0]\n"
      "-A CONSTELLATION-OUT -o {bridge} -j RETURN\n"
      "-A CONSTELLATION-OUT -o {mesh} -j RETURN\n"
      "-A CONSTELLATION-OUT -o lo -j RETURN\n"
      "-A CONSTELLATION-OUT -d {pods} -j DROP\n"
      "COMMIT\n"
      "*filter\n"
      ":CONSTELLATION-HOST - [0:0]\n"
      "-A CONSTELLATION-HOST -o {bridge} -j RETURN\n"
      "-A CONSTELLATION-HOST -o {mesh} -j RETURN\n"
      "-A CONSTELLATION-HOST -o lo -j RETURN\n"
      "-A CONSTELLATION-HOST -p tcp --dport {kubelet} -j REJECT\n"
      ":CONSTELLATION-SERVICES - [0:0]\n"
      "-A CONSTELLATION-SERVICES -d {services} -j REJECT\n"
      "COMMIT\n"
      "*nat\n"
      ":CONSTELLATION-NAT - [0:0]\n"
      "-A CONSTELLATION-NAT -s {pods} ! -d {pods} ! -o {bridge} -j MASQUERADE\n"
      "COMMIT\n",
      fmt::arg("bridge", kBridge), fmt::arg("mesh", kWireGuardInterface),
      fmt::arg("pods", cluster.pods.ToString()),
      fmt::arg("services", cluster.services.ToString()),
      fmt::arg("kubelet", kKubeletPort));
}

}  // namespace constellation::bootstrapper
