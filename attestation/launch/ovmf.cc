// SPDX-License-Identifier: Apache-2.0
#include "attestation/launch/ovmf.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "attestation/byte_reader.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

using Guid = std::array<uint8_t, 16>;

// In the mixed-endian form of the file.
constexpr Guid kFooter = {0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45,
                          0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d};
constexpr Guid kSevMetadata = {0x66, 0x65, 0x88, 0xdc, 0x4a, 0x98, 0x98, 0x47,
                               0xa7, 0x5e, 0x55, 0x85, 0xa7, 0xbf, 0x67, 0xcc};
constexpr Guid kApReset = {0xde, 0x71, 0xf7, 0x00, 0x7e, 0x1a, 0xcb, 0x4f,
                           0x89, 0x0e, 0x68, 0xc7, 0x7e, 0x2f, 0xb4, 0x4e};
constexpr Guid kKernelHashes = {0x1f, 0x37, 0x55, 0x72, 0x3b, 0x3a, 0x04, 0x4b,
                                0x92, 0x7b, 0x1d, 0xa6, 0xef, 0xa8, 0xd4, 0x54};
constexpr Guid kTdxMetadata = {0x35, 0x65, 0x7a, 0xe4, 0x4a, 0x98, 0x98, 0x47,
                               0x86, 0x5e, 0x46, 0x85, 0xa7, 0xbf, 0x8e, 0xc2};

constexpr size_t kBehindFooter = 32;  // the reset vector ends the file
constexpr size_t kEntryTail = 18;     // size u16, GUID
constexpr size_t kMaxSections = 64;
constexpr uint32_t kSevSignature = 0x56455341;   // "ASEV"
constexpr uint32_t kTdvfSignature = 0x46564454;  // "TDVF"
constexpr uint32_t kSevSectionSize = 12;
constexpr uint32_t kTdvfSectionSize = 32;
constexpr uint32_t kDescriptorSize = 16;
constexpr uint32_t kMrExtend = 1;
constexpr uint32_t kPageAug = 2;

bool IsGuid(std::span<const uint8_t> bytes, const Guid& guid) {
  return std::equal(bytes.begin(), bytes.end(), guid.begin(), guid.end());
}

// The size of an entry of the table of GUIDs: it stands before the GUID at the
// end of the entry. `table` holds at least kEntryTail bytes.
size_t LengthBeforeGuid(std::span<const uint8_t> table) {
  const std::span<const uint8_t> size = table.last(kEntryTail).first(2);
  return size_t{size[0]} | size_t{size[1]} << 8U;
}

bool IsAligned(uint64_t value) {
  return value % kPageSize == 0;
}

bool IsKnown(SevSectionType type) {
  switch (type) {
    case SevSectionType::kSecMemory:
    case SevSectionType::kSecrets:
    case SevSectionType::kCpuid:
    case SevSectionType::kSvsmCaa:
    case SevSectionType::kKernelHashes:
      return true;
  }
  return false;
}

// A 32-bit entry.
absl::StatusOr<uint32_t> ReadOnly32(std::span<const uint8_t> entry,
                                    std::string_view what) {
  LittleEndianReader reader(entry);
  ASSIGN_OR_RETURN(const uint32_t value, reader.Read<uint32_t>(what));
  RETURN_IF_ERROR(reader.ExpectEnd(what));
  return value;
}

// {signature, size, version 1, count}, as both descriptors begin. Returns the
// count; the reader then stands at the first section.
absl::StatusOr<uint32_t> ReadDescriptor(LittleEndianReader& reader,
                                        uint32_t want_signature,
                                        uint32_t section_size,
                                        std::string_view what) {
  ASSIGN_OR_RETURN(const uint32_t signature, reader.Read<uint32_t>(what));
  ASSIGN_OR_RETURN(const uint32_t size, reader.Read<uint32_t>(what));
  ASSIGN_OR_RETURN(const uint32_t version, reader.Read<uint32_t>(what));
  ASSIGN_OR_RETURN(const uint32_t count, reader.Read<uint32_t>(what));
  if (signature != want_signature || version != 1) {
    return InvalidArgument(
        fmt::format("{}: want signature {:#x} version 1, got {:#x} version {}",
                    what, want_signature, signature, version));
  }
  if (count == 0 || count > kMaxSections ||
      size != kDescriptorSize + count * section_size) {
    return InvalidArgument(fmt::format(
        "{}: want 1 to {} sections and a size that fits, got {} and {}", what,
        kMaxSections, count, size));
  }
  return count;
}

absl::StatusOr<SevSection> ReadSevSection(LittleEndianReader& reader) {
  SevSection section;
  ASSIGN_OR_RETURN(section.gpa, reader.Read<uint32_t>("SEV section address"));
  ASSIGN_OR_RETURN(section.size, reader.Read<uint32_t>("SEV section size"));
  ASSIGN_OR_RETURN(const uint32_t type,
                   reader.Read<uint32_t>("SEV section type"));
  section.type = static_cast<SevSectionType>(type);
  if (!IsKnown(section.type)) {
    return InvalidArgument(fmt::format("SEV section at {:#x}: unknown type {}",
                                       section.gpa, type));
  }
  if (section.size == 0 || !IsAligned(section.gpa) ||
      !IsAligned(section.size) ||
      uint64_t{section.gpa} + section.size > kFirmwareEnd) {
    return InvalidArgument(
        fmt::format("SEV section at {:#x}: want whole pages below 4 GiB, got "
                    "size {:#x}",
                    section.gpa, section.size));
  }
  return section;
}

absl::Status CheckTdvfSection(const TdvfSection& section) {
  if (section.memory_size == 0 || !IsAligned(section.gpa) ||
      !IsAligned(section.memory_size) ||
      section.gpa + section.memory_size < section.gpa ||
      section.data_size > section.memory_size) {
    return InvalidArgument(
        fmt::format("TDVF section at {:#x}: want whole pages that hold its {} "
                    "octets of data, got {:#x}",
                    section.gpa, section.data_size, section.memory_size));
  }
  if (section.type > TdvfSectionType::kPayloadParameter) {
    return InvalidArgument(fmt::format("TDVF section at {:#x}: unknown type {}",
                                       section.gpa,
                                       static_cast<uint32_t>(section.type)));
  }
  if (section.augmented && (section.extends_mrtd || section.data_size != 0)) {
    return InvalidArgument(
        fmt::format("TDVF section at {:#x}: PAGE.AUG excludes data and "
                    "MR.EXTEND",
                    section.gpa));
  }
  return absl::OkStatus();
}

absl::StatusOr<TdvfSection> ReadTdvfSection(LittleEndianReader& reader) {
  TdvfSection section;
  ASSIGN_OR_RETURN(section.data_offset,
                   reader.Read<uint32_t>("TDVF data offset"));
  ASSIGN_OR_RETURN(section.data_size, reader.Read<uint32_t>("TDVF data size"));
  ASSIGN_OR_RETURN(section.gpa, reader.Read<uint64_t>("TDVF address"));
  ASSIGN_OR_RETURN(section.memory_size,
                   reader.Read<uint64_t>("TDVF memory size"));
  ASSIGN_OR_RETURN(const uint32_t type, reader.Read<uint32_t>("TDVF type"));
  ASSIGN_OR_RETURN(const uint32_t attributes,
                   reader.Read<uint32_t>("TDVF attributes"));
  section.type = static_cast<TdvfSectionType>(type);
  section.extends_mrtd = (attributes & kMrExtend) != 0;
  section.augmented = (attributes & kPageAug) != 0;
  if ((attributes & ~(kMrExtend | kPageAug)) != 0) {
    return InvalidArgument(
        fmt::format("TDVF section at {:#x}: unknown attributes {:#x}",
                    section.gpa, attributes));
  }
  RETURN_IF_ERROR(CheckTdvfSection(section));
  return section;
}

absl::Status CheckTotal(uint64_t total, std::string_view what) {
  if (total <= kMaxPreparedMemory) {
    return absl::OkStatus();
  }
  return InvalidArgument(
      fmt::format("{}: want at most {} octets of memory in all sections, got "
                  "more",
                  what, kMaxPreparedMemory));
}

}  // namespace

absl::StatusOr<OvmfFirmware> OvmfFirmware::Parse(
    std::span<const uint8_t> bytes) {
  if (bytes.empty() || bytes.size() > kMaxFirmwareSize ||
      !IsAligned(bytes.size())) {
    return InvalidArgument(
        fmt::format("firmware: want a multiple of 4096 bytes up to {}, got {}",
                    kMaxFirmwareSize, bytes.size()));
  }
  OvmfFirmware firmware;
  firmware.bytes_ = bytes;
  RETURN_IF_ERROR(firmware.ParseFooter());
  firmware.seen_.clear();
  return firmware;
}

absl::Status OvmfFirmware::ParseFooter() {
  std::span<const uint8_t> table = bytes_.first(bytes_.size() - kBehindFooter);
  if (!IsGuid(table.last(16), kFooter)) {
    return InvalidArgument(
        "firmware: no table of GUIDs at its end (a build without AMDSEV and "
        "TDX metadata?)");
  }
  const size_t size = LengthBeforeGuid(table);
  if (size < kEntryTail || size > table.size()) {
    return InvalidArgument(fmt::format(
        "firmware table: want 18 to {} bytes, got {}", table.size(), size));
  }
  table = table.last(size).first(size - kEntryTail);
  while (!table.empty()) {
    if (table.size() < kEntryTail) {
      return InvalidArgument(fmt::format(
          "firmware table: {} bytes left, too few for an entry", table.size()));
    }
    const size_t entry = LengthBeforeGuid(table);
    if (entry < kEntryTail || entry > table.size()) {
      return InvalidArgument(
          fmt::format("firmware table entry: want 18 to {} bytes, got {}",
                      table.size(), entry));
    }
    RETURN_IF_ERROR(ParseEntry(table.last(16),
                               table.last(entry).first(entry - kEntryTail)));
    table = table.first(table.size() - entry);
  }
  return absl::OkStatus();
}

absl::Status OvmfFirmware::ParseEntry(std::span<const uint8_t> guid,
                                      std::span<const uint8_t> data) {
  for (const std::span<const uint8_t> earlier : seen_) {
    if (std::equal(guid.begin(), guid.end(), earlier.begin())) {
      return InvalidArgument(fmt::format(
          "firmware table: entry {} is twice there", HexEncode(guid)));
    }
  }
  seen_.push_back(guid);
  if (IsGuid(guid, kApReset)) {
    ASSIGN_OR_RETURN(ap_reset_eip_, ReadOnly32(data, "AP reset entry"));
    return absl::OkStatus();
  }
  if (IsGuid(guid, kKernelHashes)) {
    return ParseKernelHashes(data);
  }
  if (IsGuid(guid, kSevMetadata)) {
    return ParseSevMetadata(data);
  }
  if (IsGuid(guid, kTdxMetadata)) {
    return ParseTdvfMetadata(data);
  }
  return absl::OkStatus();
}

absl::Status OvmfFirmware::ParseKernelHashes(std::span<const uint8_t> entry) {
  LittleEndianReader reader(entry);
  KernelHashTable table;
  ASSIGN_OR_RETURN(table.gpa, reader.Read<uint32_t>("kernel hashes address"));
  ASSIGN_OR_RETURN(table.size, reader.Read<uint32_t>("kernel hashes size"));
  RETURN_IF_ERROR(reader.ExpectEnd("kernel hashes entry"));
  if (table.gpa != 0 || table.size != 0) {
    kernel_hash_table_ = table;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::span<const uint8_t>> OvmfFirmware::FromEnd(
    std::span<const uint8_t> entry, std::string_view what) const {
  ASSIGN_OR_RETURN(const uint32_t distance, ReadOnly32(entry, what));
  if (distance == 0 || distance > bytes_.size()) {
    return InvalidArgument(
        fmt::format("{}: want a distance of 1 to {} bytes from the end, got {}",
                    what, bytes_.size(), distance));
  }
  return bytes_.last(distance);
}

absl::Status OvmfFirmware::ParseSevMetadata(std::span<const uint8_t> entry) {
  constexpr std::string_view kWhat = "SEV metadata";
  ASSIGN_OR_RETURN(const std::span<const uint8_t> start, FromEnd(entry, kWhat));
  LittleEndianReader reader(start);
  ASSIGN_OR_RETURN(
      const uint32_t count,
      ReadDescriptor(reader, kSevSignature, kSevSectionSize, kWhat));
  uint64_t total = 0;
  for (uint32_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const SevSection section, ReadSevSection(reader));
    total += section.size;
    sev_sections_.push_back(section);
  }
  return CheckTotal(total, kWhat);
}

absl::Status OvmfFirmware::ParseTdvfMetadata(std::span<const uint8_t> entry) {
  constexpr std::string_view kWhat = "TDX metadata";
  ASSIGN_OR_RETURN(const std::span<const uint8_t> start, FromEnd(entry, kWhat));
  LittleEndianReader reader(start);
  ASSIGN_OR_RETURN(
      const uint32_t count,
      ReadDescriptor(reader, kTdvfSignature, kTdvfSectionSize, kWhat));
  uint64_t total = 0;
  for (uint32_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const TdvfSection section, ReadTdvfSection(reader));
    // Both are bounded before they are added, so the sum cannot wrap.
    total += section.augmented
                 ? 0
                 : std::min(section.memory_size, kMaxPreparedMemory + 1);
    tdvf_sections_.push_back(section);
  }
  return CheckTotal(total, kWhat);
}

absl::StatusOr<std::span<const uint8_t>> OvmfFirmware::TdvfSectionData(
    const TdvfSection& section) const {
  if (section.data_size > bytes_.size() ||
      section.data_offset > bytes_.size() - section.data_size) {
    return InvalidArgument(fmt::format(
        "TDVF section at {:#x}: its {} octets at offset {} lie "
        "outside of the firmware's {}",
        section.gpa, section.data_size, section.data_offset, bytes_.size()));
  }
  return bytes_.subspan(section.data_offset, section.data_size);
}

}  // namespace constellation::attestation
