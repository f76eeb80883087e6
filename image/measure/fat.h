// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_IMAGE_MEASURE_FAT_H_
#define CONSTELLATION_IMAGE_MEASURE_FAT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "image/measure/byte_source.h"

namespace constellation::image::measure {

// Reads a file out of a FAT16 or FAT32 file system. `path` holds upper-case 8.3
// names, such as {"EFI", "BOOT", "BOOTX64.EFI"}; long names are not looked at.
//
// NOT_FOUND if there is no such file; INVALID_ARGUMENT if the file system is
// malformed (also: chains that loop or leave it) or the file exceeds
// `max_size`.
absl::StatusOr<std::vector<uint8_t>> ReadFatFile(
    const ByteSource& file_system, std::span<const std::string_view> path,
    size_t max_size);

}  // namespace constellation::image::measure

#endif  // CONSTELLATION_IMAGE_MEASURE_FAT_H_
