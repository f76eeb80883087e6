// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/disk_finder.h"

#include <fmt/format.h>

#include <algorithm>
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

}  // namespace

// Two with the same serial number are refused: to choose would be to guess.
absl::StatusOr<std::string> FindStateDisk(const NodePaths& paths) {
  std::vector<std::string> found;
  std::error_code error;
  // Not a range-for: its increment throws.
  for (std::filesystem::directory_iterator entry(paths.Blocks(), error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (HasStateSerial(entry->path().string())) {
      found.push_back(fmt::format("{}/{}", paths.Devices(), name));
    }
  }
  if (error) {
    return ErrnoStatus(error.value(), "list", paths.Blocks());
  }
  if (found.empty()) {
    return NotFound(
        fmt::format("no disk with the serial number '{}'", kSerial));
  }
  if (found.size() > 1) {
    return FailedPrecondition(
        fmt::format("want one disk with the serial number '{}', got {}",
                    kSerial, found.size()));
  }
  return found.front();
}

}  // namespace constellation::disk_mapper
