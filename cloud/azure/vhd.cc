// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/vhd.h"

#include <algorithm>
#include <string_view>

namespace constellation::cloud::azure {
namespace {

constexpr uint64_t kSector = 512;
constexpr size_t kChecksumOffset = 64;
constexpr size_t kIdSize = 16;

// Big-endian, as everything in a footer.
void Append(std::string& out, uint64_t value, int octets) {
  for (int shift = (octets - 1) * 8; shift >= 0; shift -= 8) {
    out += static_cast<char>((value >> static_cast<unsigned>(shift)) & 0xffU);
  }
}

// "CHS Calculation", an appendix of the specification: what old disks needed.
uint64_t Geometry(uint64_t disk_size) {
  constexpr uint64_t kMaxSectors = uint64_t{65535} * 16 * 255;
  const uint64_t sectors = std::min(disk_size / kSector, kMaxSectors);
  uint64_t per_track = 255;
  uint64_t heads = 16;
  uint64_t cylinder_heads = sectors / per_track;
  if (sectors < uint64_t{65535} * 16 * 63) {
    per_track = 17;
    cylinder_heads = sectors / per_track;
    heads = std::max<uint64_t>((cylinder_heads + 1023) / 1024, 4);
    if (cylinder_heads >= heads * 1024 || heads > 16) {
      per_track = 31;
      heads = 16;
      cylinder_heads = sectors / per_track;
    }
    if (cylinder_heads >= heads * 1024) {
      per_track = 63;
      heads = 16;
      cylinder_heads = sectors / per_track;
    }
  }
  return ((cylinder_heads / heads) << 16U) | (heads << 8U) | per_track;
}

}  // namespace

uint64_t VhdDiskSize(uint64_t size) {
  return (size + kVhdAlignment - 1) / kVhdAlignment * kVhdAlignment;
}

// The checksum is the complement of the sum of all octets, its own counted as
// zero. Azure reads the size from here and refuses a footer that is wrong.
std::string VhdFooter(uint64_t disk_size, const std::string& id) {
  std::string footer = "conectix";
  Append(footer, 2, 4);             // features: reserved, always set
  Append(footer, 0x00010000, 4);    // version of the format
  Append(footer, ~uint64_t{0}, 8);  // data offset: fixed disks have none
  Append(footer, 0, 4);             // timestamp
  footer += "cnst";                 // creator
  Append(footer, 0x00010000, 4);
  footer += "Wi2k";  // creator's system: the value that Azure's tools write
  Append(footer, disk_size, 8);
  Append(footer, disk_size, 8);
  Append(footer, Geometry(disk_size), 4);
  Append(footer, 2, 4);  // fixed
  Append(footer, 0, 4);  // checksum, see below
  footer += (id + std::string(kIdSize, '\0')).substr(0, kIdSize);
  footer.resize(kVhdFooterSize, '\0');
  uint32_t sum = 0;
  for (const char c : footer) {
    sum += static_cast<uint8_t>(c);
  }
  std::string checksum;
  Append(checksum, static_cast<uint32_t>(~sum), 4);
  footer.replace(kChecksumOffset, checksum.size(), checksum);
  return footer;
}

}  // namespace constellation::cloud::azure
