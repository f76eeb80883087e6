// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_POD_NETWORK_PLAN_H_
#define CONSTELLATION_BOOTSTRAPPER_POD_NETWORK_PLAN_H_

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "bootstrapper/network_names.h"
#include "bootstrapper/wireguard.h"

namespace constellation::bootstrapper {

inline constexpr char kWireGuardKeyAnnotation[] =
    "constellation.dev/wireguard-public-key";

// What the pod network wants to know of a node. Fields that the Node does not
// have yet, or has in a form that we cannot use, are empty.
struct NodeFacts {
  std::string internal_ip;
  std::string pod_cidr;
  std::string wireguard_key;
  bool ready = false;  // by its kubelet's word
  bool operator==(const NodeFacts&) const = default;
};

// Reads a Node object. What it says comes from the API server (pod CIDR) and
// from the node itself (address, key): a node can harm only its own traffic.
NodeFacts FactsOfNode(const nlohmann::json& node);

// The peers of `self` among `nodes` (by name). Nodes that lack something, whose
// pod CIDR is not inside `cluster_pods`, or whose address, key or pod CIDR is
// this node's or that of another node with a smaller name, are left out.
MeshPeers PlanPeers(const std::map<std::string, NodeFacts>& nodes,
                    const std::string& self, const Ipv4Network& cluster_pods);

// Configuration of the container network: a bridge with addresses of
// `pod_cidr`, and host ports.
std::string MakeCniConfig(const Ipv4Network& pod_cidr);

// The cluster's address ranges.
struct ClusterNetworks {
  Ipv4Network pods;
  Ipv4Network services;
};

// Rules for `iptables-restore --noflush`: packets from and to pods, and those
// to kubelets, enter a node through WireGuard or from its own pods, leave it
// likewise, and what pods send to the outside world gets the node's address.
// An address of a Service that kube-proxy has not turned into another never
// leaves the node: it is refused at once.
std::string MakeFirewallRules(const ClusterNetworks& cluster);

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_POD_NETWORK_PLAN_H_
