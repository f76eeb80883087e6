// SPDX-License-Identifier: Apache-2.0
#include "image/measure/fat.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "image/measure/bytes.h"

namespace constellation::image::measure {
namespace {

// "FAT: General Overview of On-Disk Format", Microsoft 2000.
constexpr size_t kEntrySize = 32;
constexpr size_t kNameSize = 11;
constexpr uint8_t kEnd = 0x00;
constexpr uint8_t kDeleted = 0xE5;
constexpr uint8_t kIsVolume = 0x08;
constexpr uint8_t kIsDirectory = 0x10;
constexpr size_t kMaxDirectoryBytes = size_t{2} << 20U;
constexpr uint32_t kMinClusters16 = 4085;
constexpr uint32_t kMinClusters32 = 65525;

absl::Status Malformed(std::string_view what) {
  return InvalidArgument(fmt::format("FAT file system: {}", what));
}

// Offsets and sizes in bytes, from the start of the file system.
struct Geometry {
  uint32_t cluster_bytes = 0;
  uint32_t cluster_count = 0;
  uint64_t fat_offset = 0;
  uint64_t data_offset = 0;
  uint64_t root_offset = 0;   // FAT16
  uint32_t root_bytes = 0;    // FAT16
  uint32_t root_cluster = 0;  // FAT32
  bool is_fat32 = false;
};

// What a directory says about a file or a folder.
struct Entry {
  uint32_t first_cluster = 0;
  uint32_t size = 0;
  bool is_directory = false;
};

// Powers of two, so that no division below meets a zero.
absl::Status CheckUnits(uint32_t sector_bytes, uint32_t sectors_per_cluster,
                        uint32_t fats) {
  if (sector_bytes < 512 || sector_bytes > 4096 ||
      !std::has_single_bit(sector_bytes)) {
    return Malformed(fmt::format("sectors of {} octets", sector_bytes));
  }
  if (!std::has_single_bit(sectors_per_cluster)) {
    return Malformed(
        fmt::format("{} sectors per cluster", sectors_per_cluster));
  }
  if (fats == 0 || fats > 2) {
    return Malformed(fmt::format("{} tables", fats));
  }
  return absl::OkStatus();
}

// The number of clusters alone decides between FAT16 and FAT32 (Microsoft, "FAT
// Type Determination"), not the label in the boot sector.
absl::StatusOr<Geometry> ReadGeometry(const ByteSource& source) {
  ASSIGN_OR_RETURN(const std::vector<uint8_t> boot, ReadRange(source, 0, 512));
  const uint32_t sector_bytes = ReadLe16(boot, 11);
  const uint32_t sectors_per_cluster = boot[13];
  const uint32_t fats = boot[16];
  RETURN_IF_ERROR(CheckUnits(sector_bytes, sectors_per_cluster, fats));
  const uint32_t reserved = ReadLe16(boot, 14);
  const uint32_t root_entries = ReadLe16(boot, 17);
  const uint32_t total =
      ReadLe16(boot, 19) != 0 ? ReadLe16(boot, 19) : ReadLe32(boot, 32);
  const uint32_t fat_sectors =
      ReadLe16(boot, 22) != 0 ? ReadLe16(boot, 22) : ReadLe32(boot, 36);
  if (reserved == 0 || fat_sectors == 0) {
    return Malformed("no table");
  }
  Geometry geometry;
  geometry.root_bytes = root_entries * static_cast<uint32_t>(kEntrySize);
  const uint64_t root_sectors =
      (geometry.root_bytes + sector_bytes - 1) / sector_bytes;
  const uint64_t first_data =
      reserved + uint64_t{fats} * fat_sectors + root_sectors;
  if (total <= first_data || uint64_t{total} * sector_bytes > source.size()) {
    return Malformed("its size exceeds the partition");
  }
  geometry.cluster_bytes = sector_bytes * sectors_per_cluster;
  geometry.cluster_count =
      static_cast<uint32_t>((total - first_data) / sectors_per_cluster);
  geometry.fat_offset = uint64_t{reserved} * sector_bytes;
  geometry.data_offset = first_data * sector_bytes;
  geometry.root_offset = geometry.data_offset - root_sectors * sector_bytes;
  geometry.is_fat32 = geometry.cluster_count >= kMinClusters32;
  geometry.root_cluster = geometry.is_fat32 ? ReadLe32(boot, 44) : 0;
  const uint64_t table_bytes = uint64_t{fat_sectors} * sector_bytes;
  const uint64_t entry_bytes = geometry.is_fat32 ? 4 : 2;
  if (geometry.cluster_count < kMinClusters16) {
    return Malformed("FAT12 is not supported");
  }
  if ((uint64_t{geometry.cluster_count} + 2) * entry_bytes > table_bytes) {
    return Malformed("its table is too short");
  }
  return geometry;
}

// Every chain is bounded: directories by their size, files by theirs. A loop in
// the table therefore ends.
class Reader final {
 public:
  Reader(const ByteSource& source, Geometry geometry)
      : source_(source), geometry_(geometry) {}

  // The first entry called `name` (11 octets, padded) in a directory's bytes.
  static std::optional<Entry> Find(std::span<const uint8_t> directory,
                                   std::string_view name) {
    for (size_t at = 0; at + kEntrySize <= directory.size(); at += kEntrySize) {
      const auto raw = directory.subspan(at, kEntrySize);
      if (raw[0] == kEnd) {
        return std::nullopt;
      }
      // A long name's entries have the volume bit set, too.
      if (raw[0] == kDeleted || (raw[11] & kIsVolume) != 0 ||
          !std::equal(name.begin(), name.end(), raw.begin())) {
        continue;
      }
      return Entry{
          .first_cluster = static_cast<uint32_t>(ReadLe16(raw, 26)) |
                           (static_cast<uint32_t>(ReadLe16(raw, 20)) << 16U),
          .size = ReadLe32(raw, 28),
          .is_directory = (raw[11] & kIsDirectory) != 0};
    }
    return std::nullopt;
  }

  // A fixed place in FAT16, a chain like any other in FAT32.
  absl::StatusOr<std::vector<uint8_t>> RootDirectory() const {
    if (geometry_.is_fat32) {
      return ReadChain(geometry_.root_cluster, std::nullopt);
    }
    return ReadRange(source_, geometry_.root_offset, geometry_.root_bytes);
  }

  absl::StatusOr<std::vector<uint8_t>> Directory(const Entry& entry) const {
    return ReadChain(entry.first_cluster, std::nullopt);
  }

  absl::StatusOr<std::vector<uint8_t>> File(const Entry& entry) const {
    if (entry.size == 0) {
      return std::vector<uint8_t>();
    }
    return ReadChain(entry.first_cluster, entry.size);
  }

 private:
  // The clusters from `first` on: `size` octets, or (directories) up to the end
  // of the chain.
  absl::StatusOr<std::vector<uint8_t>> ReadChain(
      uint32_t first, std::optional<uint32_t> size) const {
    std::vector<uint8_t> bytes;
    uint32_t cluster = first;
    while (!IsEnd(cluster)) {
      if (cluster < 2 || cluster - 2 >= geometry_.cluster_count) {
        return Malformed("a chain leaves the file system");
      }
      const size_t have = bytes.size();
      if (!size.has_value() && have >= kMaxDirectoryBytes) {
        return Malformed("a directory is too large");
      }
      bytes.resize(have + geometry_.cluster_bytes);
      RETURN_IF_ERROR(
          source_.ReadAt(geometry_.data_offset +
                             uint64_t{cluster - 2} * geometry_.cluster_bytes,
                         std::span(bytes).subspan(have)));
      if (size.has_value() && bytes.size() >= *size) {
        bytes.resize(*size);
        return bytes;
      }
      ASSIGN_OR_RETURN(cluster, Next(cluster));
    }
    if (size.has_value()) {
      return Malformed("a chain is shorter than its file");
    }
    return bytes;
  }

  // The caller has checked that `cluster` has an entry.
  absl::StatusOr<uint32_t> Next(uint32_t cluster) const {
    const size_t width = geometry_.is_fat32 ? 4 : 2;
    std::array<uint8_t, 4> raw{};
    RETURN_IF_ERROR(
        source_.ReadAt(geometry_.fat_offset + uint64_t{cluster} * width,
                       std::span(raw).first(width)));
    return ReadLe32(raw, 0) & 0x0FFFFFFFU;  // the upper four bits are reserved
  }

  bool IsEnd(uint32_t cluster) const {
    return cluster >= (geometry_.is_fat32 ? 0x0FFFFFF8U : 0xFFF8U);
  }

  const ByteSource& source_;
  Geometry geometry_;
};

// "BOOTX64.EFI" -> "BOOTX64 EFI".
// Names and extensions are padded with blanks to eight and three octets.
absl::StatusOr<std::string> PaddedName(std::string_view name) {
  const size_t dot = name.find('.');
  const std::string_view stem = name.substr(0, dot);
  const std::string_view extension =
      dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
  if (stem.empty() || stem.size() > 8 || extension.size() > 3) {
    return InvalidArgument(fmt::format("{}: not an 8.3 name", name));
  }
  std::string padded(kNameSize, ' ');
  std::copy(stem.begin(), stem.end(), padded.begin());
  std::copy(extension.begin(), extension.end(), padded.begin() + 8);
  return padded;
}

}  // namespace

absl::StatusOr<std::vector<uint8_t>> ReadFatFile(
    const ByteSource& file_system, std::span<const std::string_view> path,
    size_t max_size) {
  if (path.empty()) {
    return InvalidArgument("empty path");
  }
  ASSIGN_OR_RETURN(const Geometry geometry, ReadGeometry(file_system));
  const Reader reader(file_system, geometry);
  ASSIGN_OR_RETURN(std::vector<uint8_t> directory, reader.RootDirectory());
  for (size_t i = 0; i < path.size(); ++i) {
    const bool is_last = i + 1 == path.size();
    ASSIGN_OR_RETURN(const std::string name, PaddedName(path[i]));
    const auto entry = Reader::Find(directory, name);
    if (!entry.has_value() || entry->is_directory == is_last) {
      return NotFound(fmt::format("FAT file system: no {} called {}",
                                  is_last ? "file" : "folder", path[i]));
    }
    if (!is_last) {
      ASSIGN_OR_RETURN(directory, reader.Directory(*entry));
      continue;
    }
    if (entry->size > max_size) {
      return Malformed(fmt::format("{} has {} octets, at most {} are read",
                                   path[i], entry->size, max_size));
    }
    return reader.File(*entry);
  }
  return Internal("path walk ended without a file");
}

}  // namespace constellation::image::measure
