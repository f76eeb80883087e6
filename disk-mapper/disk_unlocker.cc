// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/disk_unlocker.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"
#include "disk-mapper/node_state.h"
#include "disk-mapper/state_disk/disk_keys.h"
#include "disk-mapper/state_folders.h"

namespace constellation::disk_mapper {
namespace {

constexpr size_t kMaxNodeState = size_t{64} << 10U;

}  // namespace

// DATA_LOSS is final: another key cannot make a damaged disk whole.
absl::Status DiskUnlocker::TryKey(const SecretBytes& state_disk_key,
                                  const DiskOwner& owner,
                                  std::string_view source) {
  if (state_disk_key.size() != kStateDiskKeySize ||
      owner.cluster_id.size() != kClusterIdSize) {
    return InvalidArgument(fmt::format(
        "want a state disk key of {} bytes, a cluster ID of {}, got {}, {}",
        kStateDiskKeySize, kClusterIdSize, state_disk_key.size(),
        owner.cluster_id.size()));
  }
  if (owner.node_name.empty()) {
    return InvalidArgument("want the name of the node that the key is for");
  }
  const absl::MutexLock attempt(&attempt_);
  if (IsDecided()) {
    return FailedPrecondition("this node waits for no key any more");
  }
  node_.status.Report("open", cloud::BootState::kRunning,
                      fmt::format("key from {}", source));
  absl::Status status = OpenAndMark(state_disk_key, owner);
  if (!status.ok()) {
    spdlog::warn("event=key-refused source=\"{}\" error=\"{}\"", source,
                 Message(status));
  }
  if (status.ok() || absl::IsDataLoss(status)) {
    const absl::MutexLock lock(&mutex_);
    decided_ = true;
    result_ = status;
  }
  return status;
}

// PCR15 can be extended once in a boot. If it is not zero any more, this node
// could never show its cluster's value: better to stop than to open the disk.
absl::Status DiskUnlocker::OpenAndMark(const SecretBytes& state_disk_key,
                                       const DiskOwner& owner) {
  ASSIGN_OR_RETURN(const bool member, node_.mark.IsMember());
  if (member) {
    return FailedPrecondition("PCR15 is set before the state disk is open");
  }
  ASSIGN_OR_RETURN(const std::string device,
                   node_.disk.Open(state_disk_key, disk_uuid_));
  absl::Status status = MountAndMark(device, owner);
  if (!status.ok()) {
    absl::Status undone = UnmountState(node_.mounter, node_.paths);
    undone.Update(node_.disk.Close());
    if (!undone.ok()) {
      spdlog::error("event=close-failed error=\"{}\"", Message(undone));
    }
  }
  return status;
}

// The disk is authenticated by its key, so what it says about itself is true.
// That the giver says the same keeps a disk from being moved to another node or
// cluster.
absl::Status DiskUnlocker::MountAndMark(const std::string& device,
                                        const DiskOwner& owner) {
  RETURN_IF_ERROR(MountState(node_.mounter, node_.paths, device));
  const auto json = ReadFile(node_.paths.NodeState(), kMaxNodeState);
  if (!json.ok()) {
    return DataLoss(
        fmt::format("state disk damaged: {}", Message(json.status())));
  }
  ASSIGN_OR_RETURN(const DiskOwner own, OwnerInNodeState(*json));
  if (!crypto::EqualsConstantTime(own.cluster_id, owner.cluster_id)) {
    return PermissionDenied(fmt::format(
        "state disk {} belongs to another cluster: it says {}, got {}",
        disk_uuid_, HexEncode(own.cluster_id), HexEncode(owner.cluster_id)));
  }
  if (own.node_name != owner.node_name) {
    return PermissionDenied(fmt::format(
        "state disk {} belongs to node '{}', this one is enrolled as '{}': "
        "give each node its own disk",
        disk_uuid_, own.node_name, owner.node_name));
  }
  RETURN_IF_ERROR(BindStateFolders(node_.mounter, node_.paths));
  return Annotate(node_.mark.Mark(own.cluster_id), "extend PCR15");
}

bool DiskUnlocker::IsDecided() const {
  const absl::MutexLock lock(&mutex_);
  return decided_;
}

bool DiskUnlocker::WaitUntilDecided(absl::Duration timeout) const {
  const absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&decided_), timeout);
}

absl::Status DiskUnlocker::result() const {
  const absl::MutexLock lock(&mutex_);
  return result_;
}

}  // namespace constellation::disk_mapper
