// SPDX-License-Identifier: Apache-2.0
#include "image/measure/gpt.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "absl/status/status.h"
#include "common/status_macros.h"
#include "image/measure/bytes.h"

namespace constellation::image::measure {
namespace {

// UEFI 2.10, section 5.3.2, table 5.5.
constexpr std::string_view kSignature = "EFI PART";
constexpr uint32_t kRevision = 0x00010000;
constexpr uint32_t kMinHeaderSize = 92;
constexpr uint32_t kMinEntrySize = 128;
constexpr uint32_t kMaxEntrySize = 4096;
constexpr uint32_t kMaxEntries = 1024;

absl::Status Malformed(std::string_view what) {
  const std::string message = fmt::format("partition table: {}", what);
  return absl::InvalidArgumentError(message);
}

// CRC-32 of IEEE 802.3, as UEFI demands; `skip` marks four octets that count as
// zero (the header's own checksum).
uint32_t Crc32(std::span<const uint8_t> bytes,
               size_t skip = std::numeric_limits<size_t>::max()) {
  uint32_t crc = 0xFFFFFFFFU;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const bool skipped = i >= skip && i - skip < 4;
    crc ^= skipped ? 0U : bytes[i];
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
    }
  }
  return ~crc;
}

// What is needed of it; all of it has been checked.
struct Header {
  uint64_t entries_offset = 0;
  uint32_t entry_count = 0;
  uint32_t entry_size = 0;
  uint32_t entries_crc = 0;
};

// Entries must begin within what was read: 34 sectors hold the usual table.
absl::StatusOr<Header> ParseHeader(std::span<const uint8_t> start) {
  if (start.size() < 2 * kSectorSize) {
    return Malformed("shorter than two sectors");
  }
  const auto sector = start.subspan(kSectorSize, kSectorSize);
  if (!std::equal(kSignature.begin(), kSignature.end(), sector.begin())) {
    return Malformed("no signature");
  }
  if (ReadLe32(sector, 8) != kRevision) {
    return Malformed("unknown revision");
  }
  const uint32_t size = ReadLe32(sector, 12);
  if (size < kMinHeaderSize || size > kSectorSize) {
    return Malformed(fmt::format("header size {}", size));
  }
  if (Crc32(sector.first(size), 16) != ReadLe32(sector, 16)) {
    return Malformed("header checksum differs");
  }
  Header header;
  const uint64_t entries_sector = ReadLe64(sector, 72);
  header.entry_count = ReadLe32(sector, 80);
  header.entry_size = ReadLe32(sector, 84);
  header.entries_crc = ReadLe32(sector, 88);
  if (header.entry_count > kMaxEntries) {
    return Malformed(fmt::format("{} entries", header.entry_count));
  }
  if (header.entry_size < kMinEntrySize || header.entry_size > kMaxEntrySize) {
    return Malformed(fmt::format("entry size {}", header.entry_size));
  }
  if (entries_sector < 2 || entries_sector > start.size() / kSectorSize) {
    return Malformed("entries are not near the start");
  }
  header.entries_offset = entries_sector * kSectorSize;
  return header;
}

Guid ReadGuid(std::span<const uint8_t> bytes, size_t offset) {
  Guid guid;
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), 16,
              guid.bytes.begin());
  return guid;
}

// Ends are bounded so that offsets in bytes cannot overflow.
absl::StatusOr<Partition> ParseEntry(std::span<const uint8_t> entry,
                                     uint32_t index) {
  Partition partition;
  partition.number = static_cast<int>(index) + 1;
  partition.type = ReadGuid(entry, 0);
  partition.id = ReadGuid(entry, 16);
  const uint64_t first = ReadLe64(entry, 32);
  const uint64_t last = ReadLe64(entry, 40);
  constexpr uint64_t kMaxSector =
      std::numeric_limits<uint64_t>::max() / kSectorSize - 1;
  if (first < 2 || last < first || last > kMaxSector) {
    return Malformed(
        fmt::format("partition {} covers no valid range", partition.number));
  }
  partition.first_sector = first;
  partition.sector_count = last - first + 1;
  return partition;
}

}  // namespace

std::string Guid::ToString() const {
  const auto& b = bytes;
  return fmt::format(
      "{:02x}{:02x}{:02x}{:02x}-{:02x}{:02x}-{:02x}{:02x}-{:02x}{:02x}-"
      "{:02x}{:02x}{:02x}{:02x}{:02x}{:02x}",
      b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11],
      b[12], b[13], b[14], b[15]);
}

Guid Guid::FromTextOrder(std::span<const uint8_t, 16> octets) {
  Guid guid;
  std::copy(octets.begin(), octets.end(), guid.bytes.begin());
  std::reverse(guid.bytes.begin(), guid.bytes.begin() + 4);
  std::reverse(guid.bytes.begin() + 4, guid.bytes.begin() + 6);
  std::reverse(guid.bytes.begin() + 6, guid.bytes.begin() + 8);
  return guid;
}

absl::StatusOr<std::vector<Partition>> ParseGpt(
    std::span<const uint8_t> start) {
  ASSIGN_OR_RETURN(const Header header, ParseHeader(start));
  const uint64_t table_size = uint64_t{header.entry_count} * header.entry_size;
  if (!Within(header.entries_offset, table_size, start.size())) {
    return Malformed("entries exceed what was read");
  }
  const auto table = start.subspan(header.entries_offset, table_size);
  if (Crc32(table) != header.entries_crc) {
    return Malformed("checksum of the entries differs");
  }
  std::vector<Partition> partitions;
  for (uint32_t i = 0; i < header.entry_count; ++i) {
    const auto entry =
        table.subspan(size_t{i} * header.entry_size, header.entry_size);
    if (ReadGuid(entry, 0) == Guid{}) {
      continue;  // unused
    }
    ASSIGN_OR_RETURN(const Partition partition, ParseEntry(entry, i));
    partitions.push_back(partition);
  }
  return partitions;
}

}  // namespace constellation::image::measure
