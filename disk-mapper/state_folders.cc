// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/state_folders.h"

#include <fmt/format.h>

#include <array>
#include <span>

#include "common/files.h"
#include "common/status_macros.h"

namespace constellation::disk_mapper {
namespace {

// A folder of the state disk, where programs look for it, and its mode.
struct Folder {
  const char* on_disk;
  const char* shown_at;
  mode_t mode;
};

constexpr std::array<Folder, 6> kFolders = {{
    {"/kubelet", "/var/lib/kubelet", 0700},
    {"/containerd", "/var/lib/containerd", 0700},
    {"/etcd", "/var/lib/etcd", 0700},
    {"/kubernetes", "/etc/kubernetes", 0755},
    {"/cni", "/etc/cni/net.d", 0755},
    {"/log", "/var/log/pods", 0755},
}};

}  // namespace

absl::Status MountState(Mounter& mounter, const NodePaths& paths,
                        const std::string& device) {
  RETURN_IF_ERROR(MakeDirectories(paths.State()));
  return mounter.MountState(device, paths.State());
}

// The root file system is read-only, so what must survive a reboot is shown
// from the state disk. Done twice, the second time finds all of it bound.
absl::Status BindStateFolders(Mounter& mounter, const NodePaths& paths) {
  for (const Folder& folder : kFolders) {
    const std::string source = paths.State() + folder.on_disk;
    const std::string target = paths.root + folder.shown_at;
    if (mounter.IsMountPoint(target)) {
      continue;
    }
    RETURN_IF_ERROR(MakeDirectories(source, folder.mode));
    RETURN_IF_ERROR(MakeDirectories(target, folder.mode));
    RETURN_IF_ERROR(mounter.Bind(source, target));
  }
  return absl::OkStatus();
}

// In spite of errors to the end: what stays mounted keeps the disk from
// closing.
absl::Status UnmountState(Mounter& mounter, const NodePaths& paths) {
  absl::Status first;
  for (const Folder& folder : kFolders) {
    const std::string target = paths.root + folder.shown_at;
    if (mounter.IsMountPoint(target)) {
      first.Update(mounter.Unmount(target));
    }
  }
  if (mounter.IsMountPoint(paths.State())) {
    first.Update(mounter.Unmount(paths.State()));
  }
  return first;
}

}  // namespace constellation::disk_mapper
