// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_NODE_STATE_H_
#define CONSTELLATION_DISK_MAPPER_NODE_STATE_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/hex.h"

namespace constellation::disk_mapper {

inline constexpr size_t kClusterIdSize = 32;

// Whose disk it is: as the disk itself says, or as the giver of its key says.
struct DiskOwner {
  Bytes cluster_id;       // 32 bytes
  std::string node_name;  // Kubernetes name, under which the TPM is enrolled
};

// The owner in `json`, a node_state.json (docs/formats/state-disk.md). Other
// keys are the bootstrapper's. DATA_LOSS for anything else: the disk is
// authenticated, so it is damaged or from another version.
absl::StatusOr<DiskOwner> OwnerInNodeState(std::string_view json);

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_NODE_STATE_H_
