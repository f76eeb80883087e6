// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_NODE_STATE_H_
#define CONSTELLATION_BOOTSTRAPPER_NODE_STATE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/hex.h"

namespace constellation::bootstrapper {

inline constexpr std::string_view kControlPlane = "control-plane";
inline constexpr std::string_view kWorker = "worker";

// What a member node remembers on its state disk. No secrets.
struct NodeState {
  Bytes cluster_id;  // 32 bytes
  std::string role;  // kControlPlane or kWorker
  std::string node_name;
  Bytes measurement_salt;  // 32 bytes, on the first node; else empty
};

// The file that survives reboots: kept readable for people.
std::string NodeStateToJson(const NodeState& state);

// DATA_LOSS if `json` is not what NodeStateToJson() writes: the disk is
// authenticated, so it is damaged or from another version.
absl::StatusOr<NodeState> ParseNodeState(std::string_view json);

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_NODE_STATE_H_
