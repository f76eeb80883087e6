// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_IMAGE_MEASURE_GPT_H_
#define CONSTELLATION_IMAGE_MEASURE_GPT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace constellation::image::measure {

inline constexpr size_t kSectorSize = 512;

// What a reader has to load from the start of a disk: protective MBR, header
// and the usual 128 entries.
inline constexpr size_t kGptBytes = 34 * kSectorSize;

// A GUID in the byte order of the disk (first three fields little-endian).
struct Guid {
  std::array<uint8_t, 16> bytes{};
  friend bool operator==(const Guid&, const Guid&) = default;

  // The usual text, lower case: "c12a7328-f81f-11d2-ba4b-00a0c93ec93b".
  std::string ToString() const;

  // From 16 octets in the order of the text (as a 128-bit number).
  static Guid FromTextOrder(std::span<const uint8_t, 16> octets);
};

inline constexpr std::string_view kEspTypeGuid =
    "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";

// An entry in use; sectors are of 512 bytes.
struct Partition {
  int number = 0;  // counted from 1, as in /dev/vda1
  Guid type;
  Guid id;
  uint64_t first_sector = 0;
  uint64_t sector_count = 0;  // at least 1
};

// The used partitions of a disk whose first octets are `start` (kGptBytes are
// enough), in the order of the table. Checks signature, revision, sizes, both
// checksums, and that first <= last for each; neither overlaps nor the size of
// the disk.
//
// Returns INVALID_ARGUMENT for anything that is not such a table.
absl::StatusOr<std::vector<Partition>> ParseGpt(std::span<const uint8_t> start);

}  // namespace constellation::image::measure

#endif  // CONSTELLATION_IMAGE_MEASURE_GPT_H_
