// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_NODE_FILES_H_
#define CONSTELLATION_CLOUD_QEMU_NODE_FILES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cloud/qemu/cluster_directory.h"

namespace constellation::cloud::qemu {

// Makes the node's folder, its blank state disk (sparse) and its firmware
// variables where they do not exist yet. Each appears whole or not at all.
absl::Status CreateNodeFiles(const NodePaths& paths, uint64_t state_disk_bytes);

// The end of `path` from `offset` on, at most 2,000 octets, for an error
// message; empty if there is nothing.
std::string LogTail(const std::string& path, size_t offset);
// 0 if there is no such file.
size_t FileSize(const std::string& path);

// A boot status and when it arrived, by the host's clock.
struct BootStatusEntry {
  absl::Time time;
  std::string json = {};
};

// Appends one reported status as a line {"time", "status"}; the file is moved
// to <file>.1 when it has grown to 4 MiB. `json` has been checked.
// Best effort: a full disk must not stop a node from reporting.
void AppendBootStatus(const std::string& file, const BootStatusEntry& entry);
// The last line written, if any.
std::optional<BootStatusEntry> LastBootStatus(const std::string& file);

// Guests write the serial log: beyond `max_size` its contents are moved to
// <file>.1, while QEMU keeps appending to the same file.
void BoundSerialLog(const std::string& file, size_t max_size);

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_NODE_FILES_H_
