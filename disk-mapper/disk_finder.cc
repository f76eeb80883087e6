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

namespace constellation::disk_mapper {
namespace {

constexpr std::string_view kSerial = "state";
constexpr size_t kMaxSerial = 256;
constexpr size_t kMaxNumber = 32;
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

// How many partitions the kernel sees on the disk `name`.
int PartitionsOf(const std::string& folder, const std::string& name) {
  int partitions = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end;
       !error && entry != end; entry.increment(error)) {
    if (entry->path().filename().string().starts_with(name) &&
        FileExists(entry->path().string() + "/partition")) {
      ++partitions;
    }
  }
  return partitions;
}

// A disk that may be the state disk of a machine in a cloud: hardware (others
// have no `device`), fixed, writable, large enough, and with no more than the
// one partition of its label (docs/formats/state-disk.md): the disk from which
// the node booted has three.
bool MayBeStateDisk(const std::string& folder, const std::string& name) {
  return FileExists(folder + "/device") &&
         NumberIn(folder + "/removable") == 0 &&
         NumberIn(folder + "/ro") == 0 &&
         NumberIn(folder + "/size") >= kMinSectors &&
         PartitionsOf(folder, name) <= 1;
}

}  // namespace

// Clouds give disks serial numbers of their own. There the state disk is the
// only one beside that from which the node booted.
// Two with the same serial number are refused: to choose would be to guess.
absl::StatusOr<std::string> FindStateDisk(const NodePaths& paths) {
  std::vector<std::string> found;
  std::vector<std::string> others;
  std::error_code error;
  // Not a range-for: its increment throws.
  for (std::filesystem::directory_iterator entry(paths.Blocks(), error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const std::string folder = entry->path().string();
    if (HasStateSerial(folder)) {
      found.push_back(fmt::format("{}/{}", paths.Devices(), name));
    } else if (MayBeStateDisk(folder, name)) {
      others.push_back(fmt::format("{}/{}", paths.Devices(), name));
    }
  }
  if (error) {
    return ErrnoStatus(error.value(), "list", paths.Blocks());
  }
  if (found.empty() && others.size() == 1) {
    return others.front();
  }
  if (found.empty() && !others.empty()) {
    return FailedPrecondition(fmt::format(
        "which disk is the state disk? Want one with the serial number '{}', "
        "or only one beside that from which the node booted, got {}: choose a "
        "machine type without local disks",
        kSerial, fmt::join(others, ", ")));
  }
  if (found.empty()) {
    return NotFound(fmt::format(
        "no disk with the serial number '{}', and none beside that from which "
        "the node booted",
        kSerial));
  }
  if (found.size() > 1) {
    return FailedPrecondition(
        fmt::format("want one disk with the serial number '{}', got {}",
                    kSerial, found.size()));
  }
  return found.front();
}

}  // namespace constellation::disk_mapper
