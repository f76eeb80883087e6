// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_APPLY_NODE_KEEPER_H_
#define CONSTELLATION_CLI_APPLY_NODE_KEEPER_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/cluster/cluster_keys.h"
#include "cli/cluster/tools.h"
#include "cli/workspace/state.h"

namespace constellation::cli {

// Looks after the VMs while the owner waits for a cluster: starts those that
// went off (local ones), gives those that wait for it the key of their disk,
// and says what all of them are doing. Arguments must outlive this. Not
// thread-safe.
class NodeKeeper final {
 public:
  NodeKeeper(ClusterTools& tools, const State& state, ClusterKeys& keys)
      : tools_(tools), state_(state), keys_(keys) {}

  // One round. Updates the detail of the open phase. Errors are final: a node
  // that is not what it must be (a refusal) or that goes off again and again.
  absl::Status Tend();

  // How much slower than real hardware the nodes are, after the first round.
  unsigned time_scale() const { return time_scale_; }

 private:
  absl::StatusOr<cloud::qemu::ClusterStatus> Status();
  absl::Status Restart(const cloud::qemu::NodeStatus& node);
  absl::Status GiveKey(const StateNode& node);
  absl::Status TendCloud();
  // Reports a failure that the node told of, once.
  void NoteFailure(const std::string& node, const std::string& text);

  ClusterTools& tools_;
  const State& state_;
  ClusterKeys& keys_;
  unsigned time_scale_ = 1;
  absl::Time next_recovery_ = absl::InfinitePast();
  std::map<std::string, int> restarts_;
  std::map<std::string, std::string> failures_;
};

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_APPLY_NODE_KEEPER_H_
