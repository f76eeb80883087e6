// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_DISK_FINDER_H_
#define CONSTELLATION_DISK_MAPPER_DISK_FINDER_H_

#include <string>

#include "absl/status/statusor.h"
#include "disk-mapper/node_paths.h"

namespace constellation::disk_mapper {

// The path of the disk, as the kernel names it ("/dev/vdb"), that is the state
// disk: the one whose serial number is "state", as local VMs have it; where
// none has, as on clouds, of the fixed, writable disks of 1 GiB or more the
// only one with the partition of our label; where none has that either, the
// only one without partitions. NOT_FOUND if there is none (yet),
// FAILED_PRECONDITION if several are alike. The host decides what this finds;
// what is on the disk decides what happens to it.
absl::StatusOr<std::string> FindStateDisk(const NodePaths& paths);

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_DISK_FINDER_H_
