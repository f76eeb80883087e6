// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/state_disk/gpt_label.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/key_hierarchy.h"

namespace constellation::disk_mapper {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kSignature = "EFI PART";
constexpr uint32_t kRevision = 0x00010000;
constexpr uint32_t kHeaderSize = 92;
constexpr uint32_t kEntries = 128;
constexpr uint32_t kEntrySize = 128;
constexpr uint64_t kFirstEntrySector = 2;
constexpr std::string_view kFallbackUuid =
    "00000000-0000-0000-0000-000000000000";

using Sector = std::array<uint8_t, kSectorSize>;
using Guid = std::array<uint8_t, 16>;

template <typename T>
// Numbers as they are in memory: little-endian, as UEFI wants them.
void Put(Sector& sector, size_t offset, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::memcpy(sector.data() + offset, &value, sizeof(value));
}

// CRC-32 of IEEE 802.3, as UEFI demands.
uint32_t Crc32(std::span<const uint8_t> bytes) {
  return static_cast<uint32_t>(
      crc32(0, bytes.data(), static_cast<uInt>(bytes.size())));
}

// GUIDs are stored with their first three fields little-endian (UEFI 2.10,
// appendix A). The conversion is its own inverse.
Guid SwapFields(Guid guid) {
  std::reverse(guid.begin(), guid.begin() + 4);
  std::reverse(guid.begin() + 4, guid.begin() + 6);
  std::reverse(guid.begin() + 6, guid.begin() + 8);
  return guid;
}

// In the byte order of the disk.
absl::StatusOr<Guid> ParseUuid(std::string_view uuid) {
  if (!crypto::IsUuid(uuid)) {
    return InvalidArgument("disk uuid: want a lower-case UUID");
  }
  std::string digits(uuid);
  std::erase(digits, '-');
  ASSIGN_OR_RETURN(const Bytes octets, HexDecode(digits));
  Guid guid{};
  std::copy(octets.begin(), octets.end(), guid.begin());
  return SwapFields(guid);
}

std::string FormatUuid(const Guid& guid) {
  std::string text = HexEncode(SwapFields(guid));
  for (const size_t at : {8U, 13U, 18U, 23U}) {
    text.insert(at, 1, '-');
  }
  return text;
}

// UEFI 2.10, 5.2.3: tells tools that know no GPT that the disk is in use.
Sector BuildProtectiveMbr(uint64_t sectors) {
  Sector mbr{};
  constexpr size_t kEntry = 446;
  mbr[kEntry + 2] = 0x02;  // first sector 1 in CHS terms
  mbr[kEntry + 4] = 0xEE;  // GPT protective
  std::fill_n(mbr.begin() + kEntry + 5, 3, uint8_t{0xFF});
  Put(mbr, kEntry + 8, uint32_t{1});
  Put(mbr, kEntry + 12,
      static_cast<uint32_t>(std::min<uint64_t>(sectors - 1, UINT32_MAX)));
  mbr[510] = 0x55;
  mbr[511] = 0xAA;
  return mbr;
}

// The one partition covers everything behind the label and the key-check block.
Sector BuildFirstEntries(const Guid& type, const Guid& disk,
                         uint64_t last_sector) {
  Sector entries{};
  Put(entries, 0, type);
  Put(entries, 16, disk);
  Put(entries, 32, kDataStartSector);
  Put(entries, 40, last_sector);
  for (size_t i = 0; i < kStatePartitionName.size(); ++i) {
    Put(entries, 56 + 2 * i, static_cast<uint16_t>(kStatePartitionName[i]));
  }
  return entries;
}

// The checksum covers all entries; those behind the first sector are zero.
uint32_t ChecksumOfEntries(const Sector& first) {
  std::vector<uint8_t> all(size_t{kEntries} * kEntrySize);
  std::copy(first.begin(), first.end(), all.begin());
  return Crc32(all);
}

// UEFI 2.10, 5.3.2, table 5.5. Its checksum is computed with its own field
// zero.
Sector BuildHeader(const Guid& disk, uint64_t last_sector,
                   uint32_t entries_checksum) {
  Sector header{};
  std::copy(kSignature.begin(), kSignature.end(), header.begin());
  Put(header, 8, kRevision);
  Put(header, 12, kHeaderSize);
  Put(header, 24, uint64_t{1});  // this header's sector
  // No second header: its place belongs to the authenticated area.
  Put(header, 32, uint64_t{1});
  Put(header, 40, kDataStartSector);
  Put(header, 48, last_sector);
  Put(header, 56, disk);
  Put(header, 72, kFirstEntrySector);
  Put(header, 80, kEntries);
  Put(header, 84, kEntrySize);
  Put(header, 88, entries_checksum);
  Put(header, 16, Crc32(std::span(header).first(kHeaderSize)));
  return header;
}

bool IsZero(std::span<const uint8_t> bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](uint8_t octet) { return octet == 0; });
}

bool SameBytes(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

LabelInspection Foreign(std::string reason) {
  return {LabelKind::kForeign, "", std::move(reason)};
}

// For people: what else might be on this disk.
std::string DescribeForeign(std::span<const uint8_t> area) {
  constexpr size_t kExtMagic = 1024 + 56;
  if (SameBytes(area.subspan(kSectorSize, kSignature.size()),
                AsBytes(kSignature))) {
    return "it has a partition table (GPT) that is not ours";
  }
  if (area[kExtMagic] == 0x53 && area[kExtMagic + 1] == 0xEF) {
    return "it has an ext file system";
  }
  if (SameBytes(area.first(4), AsBytes("LUKS"))) {
    return "it is a LUKS device";
  }
  if (area[510] == 0x55 && area[511] == 0xAA) {
    return "it has a boot sector or partition table that is not ours";
  }
  return "it holds data of another kind";
}

}  // namespace

absl::StatusOr<GptLabel> BuildGptLabel(std::string_view disk_uuid,
                                       uint64_t disk_size) {
  if (disk_size < kMinDiskSize || disk_size > kMaxDiskSize ||
      disk_size % kBlockSize != 0) {
    return InvalidArgument(
        fmt::format("state disk: want {} to {} bytes in blocks of {}, got {}",
                    kMinDiskSize, kMaxDiskSize, kBlockSize, disk_size));
  }
  ASSIGN_OR_RETURN(const Guid disk, ParseUuid(disk_uuid));
  ASSIGN_OR_RETURN(const Guid type, ParseUuid(kStatePartitionType));
  const uint64_t sectors = disk_size / kSectorSize;
  GptLabel label;
  label.protective_mbr = BuildProtectiveMbr(sectors);
  label.first_entries = BuildFirstEntries(type, disk, sectors - 1);
  label.header =
      BuildHeader(disk, sectors - 1, ChecksumOfEntries(label.first_entries));
  return label;
}

// Nothing is parsed: the label that we would write for the claimed id is built
// and compared. So no field of a hostile disk is ever used for anything.
LabelInspection InspectLabelArea(std::span<const uint8_t> area,
                                 uint64_t disk_size) {
  if (area.size() != kLabelAreaSize) {
    return Foreign("its label area could not be read");
  }
  const auto mbr = area.first(kSectorSize);
  const auto header = area.subspan(kSectorSize, kSectorSize);
  const auto entries = area.subspan(2 * kSectorSize, kSectorSize);
  const auto rest = area.subspan(3 * kSectorSize);
  if (IsZero(area)) {
    return {LabelKind::kBlank, "", ""};
  }
  Guid claimed{};
  std::copy_n(entries.begin() + 16, claimed.size(), claimed.begin());
  const std::string uuid = FormatUuid(claimed);
  const auto expected = BuildGptLabel(uuid, disk_size);
  if (!expected.ok()) {
    return Foreign(std::string(Message(expected.status())));
  }
  const bool mbr_ours = SameBytes(mbr, expected->protective_mbr);
  const bool entries_ours = SameBytes(entries, expected->first_entries);
  if (SameBytes(header, expected->header) && entries_ours && mbr_ours &&
      IsZero(rest) && uuid != kFallbackUuid) {
    return {LabelKind::kOurs, uuid, ""};
  }
  // The header is written last and removed first: without it the others count
  // for nothing.
  if (IsZero(header) && (mbr_ours || IsZero(mbr)) &&
      (entries_ours || IsZero(entries)) && IsZero(rest)) {
    return {LabelKind::kBlank, "", ""};
  }
  if (SameBytes(entries.first(sizeof(Guid)),
                std::span(expected->first_entries).first(sizeof(Guid)))) {
    return Foreign(
        "it has our label, but that does not fit: the label was altered or the "
        "disk's size has changed");
  }
  return Foreign(DescribeForeign(area));
}

}  // namespace constellation::disk_mapper
