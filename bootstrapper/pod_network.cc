// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/pod_network.h"

#include <fmt/format.h>

#include <vector>

#include "bootstrapper/programs.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::bootstrapper {
// What failed counts as not done, so the next round does it again.
absl::StatusOr<PodNetwork::Result> PodNetwork::Reconcile(
    const std::map<std::string, NodeFacts>& nodes, bool check_all) {
  ASSIGN_OR_RETURN(const Ipv4Network own_pods, OwnPods(nodes));
  if (check_all || set_up_for_ != own_pods.ToString()) {
    RETURN_IF_ERROR(SetUp(own_pods));
  }
  MeshPeers peers = PlanPeers(nodes, self_, cluster_.pods);
  if (check_all || peers_ != peers) {
    peers_.reset();
    RETURN_IF_ERROR(wireguard_.SetPeers(peers));
    peers_ = std::move(peers);
  }
  return Result{public_key_, peers_->size()};
}

// The API server's word is checked: an address range outside of the cluster's
// would route foreign traffic into the mesh.
absl::StatusOr<Ipv4Network> PodNetwork::OwnPods(
    const std::map<std::string, NodeFacts>& nodes) const {
  const auto own = nodes.find(self_);
  if (own == nodes.end() || own->second.pod_cidr.empty()) {
    return FailedPrecondition(
        fmt::format("node {}: want a pod CIDR, got none yet", self_));
  }
  ASSIGN_OR_RETURN(const Ipv4Network pods,
                   Ipv4Network::Parse(own->second.pod_cidr));
  if (!pods.Overlaps(cluster_.pods) ||
      pods.prefix_length() < cluster_.pods.prefix_length()) {
    return FailedPrecondition(
        fmt::format("node {}: pod CIDR: want one inside {}, got {}", self_,
                    cluster_.pods.ToString(), pods.ToString()));
  }
  return pods;
}

absl::Status PodNetwork::SetUp(const Ipv4Network& own_pods) {
  // The firewall first: no pod may ever send in the clear.
  RETURN_IF_ERROR(SetUpFirewall());
  // The network's own address is no pod's, and lies inside what peers accept
  // from this node: the address of the node itself when it talks to pods.
  ASSIGN_OR_RETURN(public_key_, wireguard_.SetUp(own_pods.AddressAt(0)));
  const std::string file = paths_.CniConfig();
  const std::string config = MakeCniConfig(own_pods);
  const auto present = ReadFile(file);
  if (!present.ok() || *present != config) {
    RETURN_IF_ERROR(MakeDirectories(paths_.Cni()));
    RETURN_IF_ERROR(WriteFileAtomically(file, config, kPublicFileMode));
  }
  set_up_for_ = own_pods.ToString();
  return absl::OkStatus();
}

// Chains first, then the jumps to them: a packet never meets half of the rules.
absl::Status PodNetwork::SetUpFirewall() {
  const std::string rules = MakeFirewallRules(cluster_);
  RETURN_IF_ERROR(RunChecked(runner_, {"iptables-restore", "--noflush"},
                             MinuteLimit(AsBytes(rules)))
                      .status());
  RETURN_IF_ERROR(EnsureJump("raw", "PREROUTING", "CONSTELLATION-IN"));
  RETURN_IF_ERROR(EnsureJump("mangle", "POSTROUTING", "CONSTELLATION-OUT"));
  RETURN_IF_ERROR(EnsureJump("filter", "OUTPUT", "CONSTELLATION-HOST"));
  RETURN_IF_ERROR(EnsureJump("filter", "OUTPUT", "CONSTELLATION-SERVICES"));
  RETURN_IF_ERROR(EnsureJump("filter", "FORWARD", "CONSTELLATION-SERVICES"));
  return EnsureJump("nat", "POSTROUTING", "CONSTELLATION-NAT");
}

// In front of all other rules of the chain; only if it is not there yet.
absl::Status PodNetwork::EnsureJump(const char* table, const char* chain,
                                    const char* target) {
  ASSIGN_OR_RETURN(
      const CommandResult present,
      runner_.Run({"iptables", "-t", table, "-C", chain, "-j", target},
                  MinuteLimit()));
  if (present.exit_code == 0) {
    return absl::OkStatus();
  }
  return RunChecked(runner_,
                    {"iptables", "-t", table, "-I", chain, "-j", target},
                    MinuteLimit())
      .status();
}

}  // namespace constellation::bootstrapper
