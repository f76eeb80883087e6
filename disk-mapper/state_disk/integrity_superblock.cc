// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/state_disk/integrity_superblock.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>
#include <string_view>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::disk_mapper {
namespace {

constexpr uint64_t kMetadataRunSectors =
    kInterleaveSectors / kSectorsPerBlock * kTagSize / kSectorSize;
static_assert(std::has_single_bit(kInterleaveSectors));
static_assert(kMetadataRunSectors % kSectorsPerBlock == 0,
              "runs of tags must be whole blocks (fix_padding)");

constexpr std::string_view kMagic{"integrt\0", 8};
constexpr uint32_t kVersion = 5;
// Of a mode that we do not use; the kernel writes its default all the same.
constexpr uint64_t kLog2BlocksPerBitmapBit = 12;
constexpr uint32_t kHaveJournalMac = 1;
constexpr uint32_t kFixedPadding = 8;
constexpr uint32_t kFixedHmac = 16;

// Sector of the disk where the data sector `number` lies.
uint64_t DiskSectorOf(uint64_t number) {
  const uint64_t area = number / kInterleaveSectors;
  return kDataStartSector + kSuperblockSectors + kUsedJournalSectors +
         (area + 1) * kMetadataRunSectors + number;
}

// The caller has checked that it lies within the block.
uint64_t ReadLittleEndian(std::span<const uint8_t> block, size_t offset,
                          size_t size) {
  uint64_t value = 0;
  for (size_t i = size; i-- > 0;) {
    value = value << 8U | block[offset + i];
  }
  return value;
}

// A field of the superblock and the only value that we accept in it.
struct Field {
  std::string_view name;
  size_t offset;
  size_t size;
  uint64_t wanted;
};

}  // namespace

absl::StatusOr<uint64_t> ProvidedSectors(uint64_t disk_size) {
  if (disk_size < kMinDiskSize || disk_size > kMaxDiskSize) {
    return InvalidArgument(
        fmt::format("state disk: want {} to {} bytes, got "
                    "{}",
                    kMinDiskSize, kMaxDiskSize, disk_size));
  }
  // As the kernel: the largest number of whole blocks whose last sector fits.
  const uint64_t disk_sectors = disk_size / kSectorSize;
  uint64_t sectors = 0;
  for (uint64_t bit = std::bit_floor(disk_sectors); bit >= kSectorsPerBlock;
       bit /= 2) {
    if (DiskSectorOf(sectors + bit - 1) < disk_sectors) {
      sectors += bit;
    }
  }
  return sectors;
}

// The kernel trusts this block before it has checked any MAC, so nothing in it
// may be somebody else's choice.
absl::Status CheckSuperblock(std::span<const uint8_t> block,
                             uint64_t disk_size) {
  ASSIGN_OR_RETURN(const uint64_t provided, ProvidedSectors(disk_size));
  if (block.size() != kBlockSize ||
      AsText(block.first(kMagic.size())) != kMagic) {
    return DataLoss("state disk damaged: it has no integrity superblock");
  }
  const std::array<Field, 9> fields = {{
      {"version", 8, 1, kVersion},
      {"interleave", 9, 1,
       static_cast<uint64_t>(std::countr_zero(kInterleaveSectors))},
      {"tag size", 10, 2, kTagSize},
      {"journal sections", 12, 4, kJournalSections},
      {"provided sectors", 16, 8, provided},
      {"flags", 24, 4, kHaveJournalMac | kFixedPadding | kFixedHmac},
      {"block size", 28, 1,
       static_cast<uint64_t>(std::countr_zero(kSectorsPerBlock))},
      {"bitmap", 29, 1, kLog2BlocksPerBitmapBit},
      {"recalculation", 32, 8, 0},
  }};
  for (const Field& field : fields) {
    const uint64_t got = ReadLittleEndian(block, field.offset, field.size);
    if (got != field.wanted) {
      return DataLoss(fmt::format(
          "state disk damaged: integrity superblock: {}: want {}, got {}",
          field.name, field.wanted, got));
    }
  }
  return absl::OkStatus();
}

}  // namespace constellation::disk_mapper
