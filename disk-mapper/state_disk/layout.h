// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_STATE_DISK_LAYOUT_H_
#define CONSTELLATION_DISK_MAPPER_STATE_DISK_LAYOUT_H_

#include <cstdint>

// Where things are on a state disk (docs/formats/state-disk.md). All of it is
// constant: nothing here is ever read from the disk, which is hostile.
namespace constellation::disk_mapper {

inline constexpr uint64_t kSectorSize = 512;
inline constexpr uint64_t kBlockSize = 4096;  // unit of all our own I/O
inline constexpr uint64_t kMebibyte = uint64_t{1} << 20U;

// From the start: a GPT whose existence says "this node belongs to a cluster".
inline constexpr uint64_t kLabelAreaSize = kMebibyte / 2;
// One block that tells a wrong key from a damaged disk.
inline constexpr uint64_t kKeyCheckOffset = kLabelAreaSize;
// Everything below comes before the authenticated area.
inline constexpr uint64_t kDataOffset = kMebibyte;
inline constexpr uint64_t kDataStartSector = kDataOffset / kSectorSize;

inline constexpr uint64_t kMinDiskSize = 1024 * kMebibyte;
inline constexpr uint64_t kMaxDiskSize = uint64_t{64} << 40U;

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_STATE_DISK_LAYOUT_H_
