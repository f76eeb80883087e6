// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_NODE_CLAIM_H_
#define CONSTELLATION_BOOTSTRAPPER_NODE_CLAIM_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bootstrapper/init_parameters.h"
#include "bootstrapper/node_commands.h"
#include "bootstrapper/node_lock.h"
#include "bootstrapper/node_paths.h"
#include "bootstrapper/node_state.h"
#include "cloud/boot_status.h"
#include "common/clock.h"
#include "common/secret_bytes.h"

namespace constellation::bootstrapper {

// The mark in the TPM (PCR15) that this machine belongs to a cluster; only a
// reboot takes it away. Implementations are thread-safe.
class ClusterMark {
 public:
  virtual ~ClusterMark() = default;
  // Whether PCR15 names any cluster; marks it with this one's ID.
  virtual absl::StatusOr<bool> IsMember() = 0;
  virtual absl::Status Mark(std::span<const uint8_t> cluster_id) = 0;
};

// The node as init and join see it. All references outlive it.
struct Node {
  NodeIdentity self;
  NodePaths paths;
  NodeCommands& commands;
  ClusterMark& mark;
  NodeLock& lock;
  cloud::NodeBootStatus& status;
  Clock& clock;
};

// Told when a phase begins.
using PhaseObserver = std::function<void(std::string_view phase)>;

struct NodeClaim {
  NodeLock::Holder holder = NodeLock::Holder::kNone;
  std::string disk_uuid;
  SecretBytes state_disk_key;
  NodeState state;
};

// Makes this node a member, in this order: formats the state disk, extends
// PCR15, writes node_state.json. The lock must be held by `claim.holder`:
// FAILED_PRECONDITION otherwise. Any error means that the node is unusable
// until GiveUpNode().
absl::Status ClaimNode(const Node& node, const NodeClaim& claim,
                       const PhaseObserver& begin);

// The very last step of init and join: from now on the disk is ours.
absl::Status CommitNode(const Node& node, const PhaseObserver& begin);

// After a failure behind the lock: makes sure that the state disk is not taken
// for ours, tells the owner why, and reboots after a short delay, in which
// callers can still be answered.
void GiveUpNode(const Node& node, const absl::Status& why);

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_NODE_CLAIM_H_
