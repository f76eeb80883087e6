// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_STATE_FOLDERS_H_
#define CONSTELLATION_DISK_MAPPER_STATE_FOLDERS_H_

#include <string>

#include "absl/status/status.h"
#include "disk-mapper/node_paths.h"
#include "disk-mapper/state_disk/file_system.h"

namespace constellation::disk_mapper {

// Mounts `device` at paths.State() (made if it is missing). DATA_LOSS if the
// disk is damaged.
absl::Status MountState(Mounter& mounter, const NodePaths& paths,
                        const std::string& device);

// Makes the folders of the mounted state disk and shows them where programs
// look for them: /var/lib/kubelet, /etc/kubernetes, ... OK for those that are
// bound already.
absl::Status BindStateFolders(Mounter& mounter, const NodePaths& paths);

// Undoes both, as far as something is mounted; the first error.
// OK if nothing was.
absl::Status UnmountState(Mounter& mounter, const NodePaths& paths);

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_STATE_FOLDERS_H_
