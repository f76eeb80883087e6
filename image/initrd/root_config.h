// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_IMAGE_INITRD_ROOT_CONFIG_H_
#define CONSTELLATION_IMAGE_INITRD_ROOT_CONFIG_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "image/measure/gpt.h"

namespace constellation::image::initrd {

inline constexpr uint32_t kVerityBlockSize = 4096;

// How to open the root file system. Everything comes from the measured command
// line; nothing is read from a superblock on the disk.
struct RootConfig {
  std::array<uint8_t, 32> root_hash{};
  std::string salt;  // lower-case hex, as device mapper wants it
  uint64_t data_blocks = 0;

  // Partition ids by the convention of the Discoverable Partitions
  // Specification: the two halves of the root hash.
  measure::Guid data_partition() const;
  measure::Guid hash_partition() const;
};

// Reads `roothash=<64 hex digits>` and `constellation.verity=<data
// blocks>,<salt in hex>` from a kernel command line. Other words are ignored.
//
// Returns INVALID_ARGUMENT if one of the two is absent, repeated or malformed.
absl::StatusOr<RootConfig> ParseRootConfig(std::string_view command_line);

// The device-mapper table line of dm-verity (kernel document
// admin-guide/device-mapper/verity): corruption stops the machine.
// Both devices are paths without spaces.
std::string VerityTable(const RootConfig& config, std::string_view data_device,
                        std::string_view hash_device);

}  // namespace constellation::image::initrd

#endif  // CONSTELLATION_IMAGE_INITRD_ROOT_CONFIG_H_
