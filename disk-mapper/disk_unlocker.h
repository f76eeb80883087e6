// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_DISK_UNLOCKER_H_
#define CONSTELLATION_DISK_MAPPER_DISK_UNLOCKER_H_

#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cloud/boot_status.h"
#include "common/secret_bytes.h"
#include "disk-mapper/cluster_mark.h"
#include "disk-mapper/node_paths.h"
#include "disk-mapper/node_state.h"
#include "disk-mapper/state_disk/file_system.h"
#include "disk-mapper/state_disk/state_disk.h"

namespace constellation::disk_mapper {

// Where the keys that rejoin tickets and the owner bring are tried. The first
// that fits opens the disk, mounts it and marks the node as member of its
// cluster; then the decision is final. Thread-safe; references outlive it.
class DiskUnlocker final {
 public:
  struct Node {
    const NodePaths& paths;
    StateDisk& disk;
    Mounter& mounter;
    ClusterMark& mark;
    cloud::BootStatus& status;
  };

  DiskUnlocker(const Node& node, std::string disk_uuid)
      : node_(node), disk_uuid_(std::move(disk_uuid)) {}

  const std::string& disk_uuid() const { return disk_uuid_; }

  // Tries a key; `owner` is whose disk its giver says that it opens, `source`
  // is for the log. One at a time.
  //   UNAUTHENTICATED     not this disk's key; another may come
  //   PERMISSION_DENIED   right key, but the disk belongs to another cluster
  //                       or node than the giver says; another may come
  //   DATA_LOSS           the disk is damaged or altered: final
  //   FAILED_PRECONDITION too late, it has been decided, or the node is a
  //                       member already
  //   INVALID_ARGUMENT    wrong sizes
  // Other errors come from the system or the TPM; nothing stays open.
  absl::Status TryKey(const SecretBytes& state_disk_key, const DiskOwner& owner,
                      std::string_view source);

  // Whether it has been decided.
  bool IsDecided() const;
  // Waits up to `timeout`; whether it has been decided.
  bool WaitUntilDecided(absl::Duration timeout) const;
  // OK: open and mounted. Else why it never will be. Call it when decided.
  absl::Status result() const;

 private:
  // One attempt; on failure everything is closed again.
  absl::Status OpenAndMark(const SecretBytes& state_disk_key,
                           const DiskOwner& owner);
  // Mounts, compares the owner, binds the folders, extends PCR15, in this
  // order.
  absl::Status MountAndMark(const std::string& device, const DiskOwner& owner);

  const Node node_;
  const std::string disk_uuid_;
  absl::Mutex attempt_;  // held for the whole of an attempt
  mutable absl::Mutex mutex_;
  bool decided_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status result_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_DISK_UNLOCKER_H_
