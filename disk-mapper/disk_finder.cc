// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/disk_finder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "disk-mapper/state_disk/gpt_label.h"

namespace constellation::disk_mapper {
namespace {

constexpr std::string_view kSerial = "state";
constexpr size_t kMaxSerial = 256;
constexpr size_t kMaxNumber = 32;
constexpr size_t kMaxUevent = 4096;
// The smallest state disk that can be asked for, in sectors: a config drive is
// smaller.
constexpr uint64_t kMinSectors = (uint64_t{1} << 30U) / 512;

// virtio shows the serial number beside the queue, SCSI and NVMe below the
// device.
bool HasStateSerial(const std::string& folder) {
  for (const char* file : {"/serial", "/device/serial"}) {
    std::string serial = ReadFile(folder + file, kMaxSerial).value_or("");
    while (!serial.empty() && (serial.back() == '\n' || serial.back() == ' ')) {
      serial.pop_back();
    }
    if (serial == kSerial) {
      return true;
    }
  }
  return false;
}

// A number of the kernel's; 0 if it cannot be read.
uint64_t NumberIn(const std::string& path) {
  const std::string text = ReadFile(path, kMaxNumber).value_or("");
  uint64_t number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() ? number : 0;
}

// Whether the kernel calls a partition so; it tells in lines of "NAME=value".
bool IsStatePartition(const std::string& folder) {
  const std::string text =
      ReadFile(folder + "/uevent", kMaxUevent).value_or("");
  return fmt::format("\n{}", text)
             .find(fmt::format("\nPARTNAME={}\n", kStatePartitionName)) !=
         std::string::npos;
}

enum class DiskKind { kOther, kBlank, kState };

// What a disk of a machine in a cloud may be: hardware (others have no
// `device`), fixed, writable and large enough, it is the state disk if its one
// partition is that of our label (docs/formats/state-disk.md), and may become
// it if it has none. The disk from which the node booted has three.
DiskKind KindOf(const std::string& folder) {
  if (!FileExists(folder + "/device") || NumberIn(folder + "/removable") != 0 ||
      NumberIn(folder + "/ro") != 0 ||
      NumberIn(folder + "/size") < kMinSectors) {
    return DiskKind::kOther;
  }
  int partitions = 0;
  bool ours = false;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string path = entry->path().string();
    if (FileExists(path + "/partition")) {
      ++partitions;
      ours = IsStatePartition(path);  // counts only if it stays the only one
    }
  }
  if (partitions == 0) {
    return DiskKind::kBlank;
  }
  return partitions == 1 && ours ? DiskKind::kState : DiskKind::kOther;
}

// Disks that may be meant, by how they were recognised.
struct Candidates {
  std::vector<std::string> by_serial;
  std::vector<std::string> by_label;
  std::vector<std::string> blank;
};

absl::StatusOr<Candidates> FindCandidates(const NodePaths& paths) {
  Candidates candidates;
  std::error_code error;
  // Not a range-for: its increment throws.
  for (std::filesystem::directory_iterator entry(paths.Blocks(), error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const std::string folder = entry->path().string();
    const std::string device = fmt::format("{}/{}", paths.Devices(), name);
    if (HasStateSerial(folder)) {
      candidates.by_serial.push_back(device);
      continue;
    }
    switch (KindOf(folder)) {
      case DiskKind::kState:
        candidates.by_label.push_back(device);
        break;
      case DiskKind::kBlank:
        candidates.blank.push_back(device);
        break;
      case DiskKind::kOther:
        break;
    }
  }
  if (error) {
    return ErrnoStatus(error.value(), "list", paths.Blocks());
  }
  return candidates;
}

}  // namespace

// Clouds give disks serial numbers of their own. Two of the same kind are
// refused: to choose would be to guess.
absl::StatusOr<std::string> FindStateDisk(const NodePaths& paths) {
  ASSIGN_OR_RETURN(const Candidates candidates, FindCandidates(paths));
  if (candidates.by_serial.size() > 1) {
    return FailedPrecondition(
        fmt::format("want one disk with the serial number '{}', got {}",
                    kSerial, candidates.by_serial.size()));
  }
  for (const auto* disks :
       {&candidates.by_serial, &candidates.by_label, &candidates.blank}) {
    if (disks->size() == 1) {
      return disks->front();
    }
    if (!disks->empty()) {
      return FailedPrecondition(fmt::format(
          "which disk is the state disk? Want one with the serial number '{}' "
          "or the partition '{}', or only one without partitions, got {}: "
          "choose a machine type without local disks",
          kSerial, kStatePartitionName, fmt::join(*disks, ", ")));
    }
  }
  return NotFound(fmt::format(
      "no disk with the serial number '{}' or the partition '{}', and none "
      "without partitions",
      kSerial, kStatePartitionName));
}

}  // namespace constellation::disk_mapper
