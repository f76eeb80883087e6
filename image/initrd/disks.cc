// SPDX-License-Identifier: Apache-2.0
#include "image/initrd/disks.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"

namespace constellation::image::initrd {
namespace {

// Sorted, so that the same machine always looks in the same order.
std::vector<std::string> DiskNames() {
  std::vector<std::string> names;
  DIR* directory = opendir("/sys/block");
  if (directory == nullptr) {
    return names;
  }
  while (const dirent* entry = readdir(directory)) {
    const std::string name = entry->d_name;
    if (name.front() != '.') {
      names.push_back(name);
    }
  }
  closedir(directory);
  std::sort(names.begin(), names.end());
  return names;
}

// The first kGptBytes of a disk, or nothing if it is shorter or unreadable.
std::optional<std::array<uint8_t, measure::kGptBytes>> ReadStart(
    const std::string& disk) {
  const int fd =
      open(fmt::format("/dev/{}", disk).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return std::nullopt;
  }
  std::array<uint8_t, measure::kGptBytes> bytes{};
  const ssize_t got = pread(fd, bytes.data(), bytes.size(), 0);
  close(fd);
  if (got != static_cast<ssize_t>(bytes.size())) {
    return std::nullopt;
  }
  return bytes;
}

// By the partition's id, which is half of the root hash.
std::optional<std::string> FindPartition(
    std::span<const measure::Partition> partitions, const measure::Guid& id,
    std::string_view disk) {
  const auto found =
      std::find_if(partitions.begin(), partitions.end(),
                   [&](const auto& partition) { return partition.id == id; });
  if (found == partitions.end()) {
    return std::nullopt;
  }
  return fmt::format("/dev/{}", PartitionName(disk, found->number));
}

}  // namespace

// As the kernel names them (block/partitions/core.c: a 'p' after a digit).
std::string PartitionName(std::string_view disk, int number) {
  const bool ends_in_digit =
      !disk.empty() && disk.back() >= '0' && disk.back() <= '9';
  return fmt::format("{}{}{}", disk, ends_in_digit ? "p" : "", number);
}

absl::StatusOr<RootDevices> FindRootDevices(const measure::Guid& data,
                                            const measure::Guid& hash) {
  for (const std::string& disk : DiskNames()) {
    const auto start = ReadStart(disk);
    if (!start.has_value()) {
      continue;
    }
    const auto partitions = measure::ParseGpt(*start);
    if (!partitions.ok()) {
      continue;  // another kind of disk
    }
    const auto data_node = FindPartition(*partitions, data, disk);
    const auto hash_node = FindPartition(*partitions, hash, disk);
    if (data_node.has_value() && hash_node.has_value()) {
      return RootDevices{.data = *data_node, .hash = *hash_node};
    }
  }
  const std::string message =
      fmt::format("no disk has the partitions {} and {} of the root hash",
                  data.ToString(), hash.ToString());
  return absl::NotFoundError(message);
}

}  // namespace constellation::image::initrd
