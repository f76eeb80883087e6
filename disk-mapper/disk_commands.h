// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_DISK_COMMANDS_H_
#define CONSTELLATION_DISK_MAPPER_DISK_COMMANDS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/command.h"
#include "common/secret_bytes.h"
#include "disk-mapper/node_paths.h"
#include "disk-mapper/state_disk/file_system.h"
#include "disk-mapper/state_disk/state_disk.h"

namespace constellation::disk_mapper {

inline constexpr absl::Duration kMakeFileSystemTimeout = absl::Minutes(5);

// Formats the blank `disk` at `path`, makes its file system, mounts it, binds
// its folders, and notes path and id in paths.OpenedDisk() for CommitDisk().
// The disk stays blank for the next boot. On failure nothing stays open. Codes
// of StateDisk::Format(), MakeFileSystem() and MountState().
absl::Status FormatDisk(const NodePaths& paths, StateDisk& disk,
                        Mounter& mounter, CommandRunner& runner,
                        const std::string& path, std::string_view disk_uuid,
                        const SecretBytes& state_disk_key);

// What FormatDisk() noted.
struct FormattedDisk {
  std::string path;
  std::string uuid;
};
// FAILED_PRECONDITION if nothing has been formatted since the node booted.
absl::StatusOr<FormattedDisk> ReadFormattedDisk(const NodePaths& paths);

// Makes the disk that was formatted ours, after everything written to it so far
// is on the medium.
absl::Status CommitDisk(const NodePaths& paths, StateDisk& disk,
                        std::string_view disk_uuid);

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_DISK_COMMANDS_H_
