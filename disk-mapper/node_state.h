// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_NODE_STATE_H_
#define CONSTELLATION_DISK_MAPPER_NODE_STATE_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "common/hex.h"

namespace constellation::disk_mapper {

inline constexpr size_t kClusterIdSize = 32;

// The cluster ID in `json`, a node_state.json (docs/formats/state-disk.md): 32
// bytes. Other keys are the bootstrapper's. DATA_LOSS for anything else: the
// disk is authenticated, so it is damaged or from another version.
absl::StatusOr<Bytes> ClusterIdOfNodeState(std::string_view json);

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_NODE_STATE_H_
