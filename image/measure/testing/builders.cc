// SPDX-License-Identifier: Apache-2.0
#include "image/measure/testing/builders.h"

#include <zlib.h>

#include <algorithm>
#include <array>

namespace constellation::image::measure::testing {
namespace {

constexpr size_t kEntries = 128;
constexpr size_t kEntrySize = 128;
constexpr size_t kTableOffset = 2 * kSectorSize;
constexpr size_t kFileAlignment = 512;
constexpr uint32_t kHeadersSize = 1024;

void Put(Bytes& bytes, size_t offset, uint64_t value, size_t width) {
  for (size_t i = 0; i < width; ++i) {
    bytes.at(offset + i) = static_cast<uint8_t>(value >> (8 * i));
  }
}

void Copy(Bytes& to, size_t offset, std::span<const uint8_t> from) {
  std::copy(from.begin(), from.end(),
            to.begin() + static_cast<std::ptrdiff_t>(offset));
}

struct FatLayout {
  uint32_t sectors_per_cluster;
  uint32_t clusters;
  uint32_t reserved;
  uint32_t fat_sectors;
  uint32_t root_entries;
  size_t entry_size;
  size_t fat_offset() const { return reserved * kSectorSize; }
  size_t data_offset() const {
    return (reserved + fat_sectors) * kSectorSize + root_entries * 32;
  }
  size_t cluster_bytes() const { return sectors_per_cluster * kSectorSize; }
};

FatLayout LayoutOf(FatKind kind) {
  if (kind == FatKind::k16) {
    return {.sectors_per_cluster = 4,
            .clusters = 4100,
            .reserved = 4,
            .fat_sectors = 17,
            .root_entries = 512,
            .entry_size = 2};
  }
  return {.sectors_per_cluster = 1,
          .clusters = 65600,
          .reserved = 32,
          .fat_sectors = 513,
          .root_entries = 0,
          .entry_size = 4};
}

Bytes DirectoryEntry(std::string_view name, uint8_t attributes,
                     uint32_t cluster, uint32_t size) {
  Bytes entry(32, 0);
  Copy(entry, 0, ToBytes(name));
  entry[11] = attributes;
  PutLe16(entry, 20, static_cast<uint16_t>(cluster >> 16U));
  PutLe16(entry, 26, static_cast<uint16_t>(cluster));
  PutLe32(entry, 28, size);
  return entry;
}

void WriteBootSector(Bytes& disk, const FatLayout& layout, FatKind kind) {
  const auto total = static_cast<uint32_t>(disk.size() / kSectorSize);
  PutLe16(disk, 11, kSectorSize);
  disk[13] = static_cast<uint8_t>(layout.sectors_per_cluster);
  PutLe16(disk, 14, static_cast<uint16_t>(layout.reserved));
  disk[16] = 1;
  PutLe16(disk, 17, static_cast<uint16_t>(layout.root_entries));
  PutLe32(disk, 32, total);
  if (kind == FatKind::k16) {
    PutLe16(disk, 22, static_cast<uint16_t>(layout.fat_sectors));
  } else {
    PutLe32(disk, 36, layout.fat_sectors);
    PutLe32(disk, 44, 2);  // root folder
  }
}

}  // namespace

Bytes ToBytes(std::string_view text) {
  return {text.begin(), text.end()};
}

void PutLe16(Bytes& bytes, size_t offset, uint16_t value) {
  Put(bytes, offset, value, 2);
}
void PutLe32(Bytes& bytes, size_t offset, uint32_t value) {
  Put(bytes, offset, value, 4);
}
void PutLe64(Bytes& bytes, size_t offset, uint64_t value) {
  Put(bytes, offset, value, 8);
}

Guid GuidOf(std::string_view text) {
  std::array<uint8_t, 16> octets{};
  size_t digit = 0;
  for (const char c : text) {
    if (c == '-') {
      continue;
    }
    const auto value = static_cast<uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    octets.at(digit / 2) = static_cast<uint8_t>(
        digit % 2 == 0 ? value << 4U : octets.at(digit / 2) | value);
    ++digit;
  }
  return Guid::FromTextOrder(octets);
}

void FixGptChecksums(Bytes& disk) {
  PutLe32(disk, kSectorSize + 88,
          static_cast<uint32_t>(
              crc32(0, disk.data() + kTableOffset, kEntries * kEntrySize)));
  PutLe32(disk, kSectorSize + 16, 0);
  PutLe32(disk, kSectorSize + 16,
          static_cast<uint32_t>(crc32(0, disk.data() + kSectorSize, 92)));
}

Bytes MakeGpt(const std::vector<Partition>& partitions) {
  Bytes disk(kGptBytes, 0);
  Copy(disk, kSectorSize, ToBytes("EFI PART"));
  PutLe32(disk, kSectorSize + 8, 0x00010000);
  PutLe32(disk, kSectorSize + 12, 92);
  PutLe64(disk, kSectorSize + 72, 2);
  PutLe32(disk, kSectorSize + 80, kEntries);
  PutLe32(disk, kSectorSize + 84, kEntrySize);
  size_t at = kTableOffset;
  for (const Partition& partition : partitions) {
    Copy(disk, at, partition.type.bytes);
    Copy(disk, at + 16, partition.id.bytes);
    PutLe64(disk, at + 32, partition.first_sector);
    PutLe64(disk, at + 40, partition.first_sector + partition.sector_count - 1);
    at += kEntrySize;
  }
  FixGptChecksums(disk);
  return disk;
}

size_t FatEntryOffset(FatKind kind, uint32_t cluster) {
  const FatLayout layout = LayoutOf(kind);
  return layout.fat_offset() + cluster * layout.entry_size;
}

size_t FatClusterOffset(FatKind kind, uint32_t cluster) {
  const FatLayout layout = LayoutOf(kind);
  return layout.data_offset() + (cluster - 2) * layout.cluster_bytes();
}

Bytes MakeFat(FatKind kind, const Bytes& loader) {
  const FatLayout layout = LayoutOf(kind);
  Bytes disk(layout.data_offset() + layout.clusters * layout.cluster_bytes(),
             0);
  WriteBootSector(disk, layout, kind);
  const auto set_next = [&](uint32_t cluster, uint32_t next) {
    Put(disk, FatEntryOffset(kind, cluster), next, layout.entry_size);
  };
  for (const uint32_t folder : {2U, 3U, 4U}) {
    set_next(folder, 0x0FFFFFFF);
  }
  const size_t root = kind == FatKind::k16
                          ? layout.data_offset() - layout.root_entries * 32
                          : FatClusterOffset(kind, 2);
  Copy(disk, root, DirectoryEntry("ESP        ", 0x08, 0, 0));
  Copy(disk, root + 32, DirectoryEntry("EFI        ", 0x10, 3, 0));
  Copy(disk, FatClusterOffset(kind, 3),
       DirectoryEntry("BOOT       ", 0x10, 4, 0));
  Copy(disk, FatClusterOffset(kind, 4),
       DirectoryEntry("BOOTX64 EFI", 0x20, kLoaderCluster,
                      static_cast<uint32_t>(loader.size())));
  const auto clusters = static_cast<uint32_t>(
      (loader.size() + layout.cluster_bytes() - 1) / layout.cluster_bytes());
  for (uint32_t i = 0; i < clusters; ++i) {
    set_next(kLoaderCluster + i,
             i + 1 == clusters ? 0x0FFFFFFF : kLoaderCluster + i + 1);
  }
  Copy(disk, FatClusterOffset(kind, kLoaderCluster), loader);
  return disk;
}

Bytes MakePe(const Sections& sections, size_t certificates) {
  Bytes file(kHeadersSize, 0);
  Copy(file, 0, ToBytes("MZ"));
  PutLe32(file, 0x3C, kPeOffset);
  Copy(file, kPeOffset, ToBytes("PE"));
  PutLe16(file, kPeOffset + 6, static_cast<uint16_t>(sections.size()));
  PutLe16(file, kPeOffset + 20, 240);  // size of the optional header
  PutLe16(file, kPeOptional, 0x20B);
  PutLe32(file, kPeOptional + 60, kHeadersSize);
  PutLe32(file, kPeChecksum, 0xC0FFEE);
  PutLe32(file, kPeOptional + 108, 16);
  uint32_t address = 0x1000;
  size_t header = kPeSections;
  for (const auto& [name, data] : sections) {
    const size_t padded =
        (data.size() + kFileAlignment - 1) / kFileAlignment * kFileAlignment;
    Copy(file, header, ToBytes(name));
    PutLe32(file, header + 8, static_cast<uint32_t>(data.size()));
    PutLe32(file, header + 12, address);
    PutLe32(file, header + 16, static_cast<uint32_t>(padded));
    PutLe32(file, header + 20, static_cast<uint32_t>(file.size()));
    const size_t offset = file.size();
    file.resize(offset + padded, 0);
    Copy(file, offset, data);
    address += 0x1000;
    header += 40;
  }
  if (certificates != 0) {
    PutLe32(file, kPeCertificateEntry, static_cast<uint32_t>(file.size()));
    PutLe32(file, kPeCertificateEntry + 4, static_cast<uint32_t>(certificates));
    file.resize(file.size() + certificates, 0x5A);
  }
  return file;
}

Sections UkiSections() {
  return {
      {".text", ToBytes("code of the stub")},
      {".sdmagic", ToBytes("#### LoaderInfo: systemd-stub 252.39-1 ####")},
      {".osrel", ToBytes("ID=constellation\n")},
      {".cmdline", ToBytes("console=ttyS0 roothash=00")},
      {".initrd", ToBytes("an initrd")},
      {".linux", MakePe({{".text", ToBytes("a kernel")}})},
  };
}

}  // namespace constellation::image::measure::testing
