// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_STATE_DISK_FILE_SYSTEM_H_
#define CONSTELLATION_DISK_MAPPER_STATE_DISK_FILE_SYSTEM_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/command.h"

namespace constellation::disk_mapper {

// Arguments of mkfs.ext4 for a device on which blocks that were never written
// cannot be read. Exposed for tests.
std::vector<std::string> MakeFileSystemCommand(const std::string& device);

// Makes the state disk's file system on `device`, whose first and last MiB are
// zero. INTERNAL with what mkfs.ext4 said, NOT_FOUND without mkfs.ext4,
// DEADLINE_EXCEEDED after `timeout`.
absl::Status MakeFileSystem(CommandRunner& runner, const std::string& device,
                            absl::Duration timeout);

// The kernel's mount table. Implementations are thread-safe.
class Mounter {
 public:
  virtual ~Mounter() = default;
  // Mounts the state disk's file system. DATA_LOSS if its blocks fail their
  // integrity check or hold no such file system.
  virtual absl::Status MountState(const std::string& device,
                                  const std::string& target) = 0;
  // Makes `source` appear at `target` as well; both exist.
  virtual absl::Status Bind(const std::string& source,
                            const std::string& target) = 0;
  virtual absl::Status Unmount(const std::string& target) = 0;
  // False also if there is no such folder.
  virtual bool IsMountPoint(const std::string& path) = 0;
};

// By system calls; needs CAP_SYS_ADMIN. Other errors are as errno says.
class KernelMounter final : public Mounter {
 public:
  absl::Status MountState(const std::string& device,
                          const std::string& target) override;
  absl::Status Bind(const std::string& source,
                    const std::string& target) override;
  absl::Status Unmount(const std::string& target) override;
  bool IsMountPoint(const std::string& path) override;
};

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_STATE_DISK_FILE_SYSTEM_H_
