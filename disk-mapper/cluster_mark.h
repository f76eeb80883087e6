// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_CLUSTER_MARK_H_
#define CONSTELLATION_DISK_MAPPER_CLUSTER_MARK_H_

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace constellation::disk_mapper {

// What says for everybody to see that this machine belongs to a cluster: PCR15.
class ClusterMark {
 public:
  virtual ~ClusterMark() = default;
  // Whether it has been set since the last reset.
  virtual absl::StatusOr<bool> IsMember() = 0;
  // Sets it, for the time until the next reset.
  // Errors are the TPM's; after one, nobody knows whether it is set.
  virtual absl::Status Mark(std::span<const uint8_t> cluster_id) = 0;
};

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_CLUSTER_MARK_H_
