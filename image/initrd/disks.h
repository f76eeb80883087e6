// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_IMAGE_INITRD_DISKS_H_
#define CONSTELLATION_IMAGE_INITRD_DISKS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "image/measure/gpt.h"

namespace constellation::image::initrd {

// Name of the node of partition `number` of disk `disk`: "vda" -> "vda2",
// "nvme0n1"
// -> "nvme0n1p2".
std::string PartitionName(std::string_view disk, int number);

// Nodes of the two partitions of the root file system, both on the same disk.
struct RootDevices {
  std::string data;
  std::string hash;
};

// Looks once at the partition table of every disk in /sys/block. The tables are
// not trusted: a wrong answer ends in a hash that differs.
//
// Returns NOT_FOUND if no disk has both partitions.
absl::StatusOr<RootDevices> FindRootDevices(const measure::Guid& data,
                                            const measure::Guid& hash);

}  // namespace constellation::image::initrd

#endif  // CONSTELLATION_IMAGE_INITRD_DISKS_H_
