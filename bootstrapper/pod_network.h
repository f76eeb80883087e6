// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_POD_NETWORK_H_
#define CONSTELLATION_BOOTSTRAPPER_POD_NETWORK_H_

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bootstrapper/network_names.h"
#include "bootstrapper/node_paths.h"
#include "bootstrapper/pod_network_plan.h"
#include "bootstrapper/wireguard.h"
#include "common/command.h"

namespace constellation::bootstrapper {

// The pod network of one node: WireGuard to the others, firewall, and the
// configuration that containerd waits for. Thread-compatible.
class PodNetwork final {
 public:
  struct Result {
    std::string public_key;  // to be published on the own Node
    size_t peers = 0;
  };

  // `runner` outlives it.
  PodNetwork(CommandRunner& runner, NodePaths paths, std::string self,
             ClusterNetworks cluster)
      : runner_(runner),
        wireguard_(runner),
        paths_(std::move(paths)),
        self_(std::move(self)),
        cluster_(cluster) {}

  // Makes the node's network what `nodes` asks for; does nothing that is done
  // already, unless `check_all`. FAILED_PRECONDITION while the own node has no
  // pod CIDR inside the cluster's; INTERNAL if a program failed: try again.
  absl::StatusOr<Result> Reconcile(
      const std::map<std::string, NodeFacts>& nodes, bool check_all);

 private:
  absl::StatusOr<Ipv4Network> OwnPods(
      const std::map<std::string, NodeFacts>& nodes) const;
  absl::Status SetUp(const Ipv4Network& own_pods);
  absl::Status SetUpFirewall();
  absl::Status EnsureJump(const char* table, const char* chain,
                          const char* target);

  CommandRunner& runner_;
  WireGuard wireguard_;
  const NodePaths paths_;
  const std::string self_;
  const ClusterNetworks cluster_;
  std::string set_up_for_;  // the pod CIDR
  std::string public_key_;
  std::optional<MeshPeers> peers_;
};

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_POD_NETWORK_H_
