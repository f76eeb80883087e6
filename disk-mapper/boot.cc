// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/boot.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <thread>

#include "common/status.h"
#include "common/status_macros.h"
#include "disk-mapper/disk_unlocker.h"
#include "disk-mapper/node_network.h"
#include "disk-mapper/recovery_service.h"
#include "disk-mapper/state_folders.h"

namespace constellation::disk_mapper {
namespace {

constexpr absl::Duration kMetadataPause = absl::Seconds(2);
constexpr absl::Duration kRecoveryCall = absl::Minutes(1);

// Tells the owner that the node waits, and why the last try failed.
void ReportWaiting(cloud::BootStatus& status, const std::string& disk_uuid,
                   const absl::Status& last) {
  status.Report("unlock", cloud::BootState::kWaiting,
                fmt::format("state disk {} waits for its key from a control-"
                            "plane node, or from its owner (constellation "
                            "recover); last: {}",
                            disk_uuid, Message(last)));
}

// Rejoin and recovery side by side, until one has brought the key.
absl::Status WaitForKey(const BootParts& parts, DiskUnlocker& unlocker,
                        const cloud::InstanceMetadata& self) {
  RecoveryService service(unlocker, parts.attester, parts.identity,
                          kRecoveryCall * self.time_scale);
  ASSIGN_OR_RETURN(
      const auto server,
      RecoveryServer::Start(parts.recovery_address, service, parts.identity));
  ReportWaiting(parts.status, unlocker.disk_uuid(),
                Unavailable("nobody has been asked yet"));
  RejoinClient client(parts.metadata, parts.tickets, unlocker, self.name);
  std::thread rejoin([&] {
    client.Run([&](const absl::Status& last) {
      ReportWaiting(parts.status, unlocker.disk_uuid(), last);
    });
  });
  unlocker.WaitUntilDecided(absl::InfiniteDuration());
  parts.tickets.Stop();
  rejoin.join();
  return unlocker.result();
}

// After a crash of this program the disk may still be open; after one of the
// machine it is not.
absl::Status OpenOurs(const BootParts& parts, StateDisk& disk,
                      const std::string& disk_uuid,
                      const cloud::InstanceMetadata& self) {
  ASSIGN_OR_RETURN(const bool member, parts.mark.IsMember());
  if (member) {
    return FailedPrecondition(
        "PCR15 is set although the state disk is closed: reboot the node");
  }
  // What a former run of this program may have left half open.
  RETURN_IF_ERROR(UnmountState(parts.mounter, parts.paths));
  RETURN_IF_ERROR(disk.Close());
  DiskUnlocker unlocker(
      {parts.paths, disk, parts.mounter, parts.mark, parts.status}, disk_uuid);
  return WaitForKey(parts, unlocker, self);
}

}  // namespace

// For ever: without a name and an address there is nothing else to do, and the
// owner sees the reports.
absl::StatusOr<cloud::InstanceMetadata> IntroduceNode(const BootParts& parts) {
  parts.status.Report("metadata", cloud::BootState::kRunning);
  absl::StatusOr<cloud::InstanceMetadata> self = parts.metadata.Self();
  while (!self.ok()) {
    parts.status.Report("metadata", cloud::BootState::kRunning,
                        Message(self.status()));
    parts.clock.Sleep(kMetadataPause);
    self = parts.metadata.Self();
  }
  parts.status.Report("network", cloud::BootState::kRunning);
  RETURN_IF_ERROR(parts.set_host_name(self->name));
  RETURN_IF_ERROR(SetUpNodeNetwork(parts.paths, parts.runner, *self));
  return self;
}

// A disk that is not ours is never written to: it may be somebody's data.
absl::Status BootFromDisk(const BootParts& parts, StateDisk& disk,
                          const std::string& path,
                          const cloud::InstanceMetadata& self) {
  parts.status.Report("inspect-disk", cloud::BootState::kRunning);
  ASSIGN_OR_RETURN(const LabelInspection found, disk.Inspect());
  switch (found.kind) {
    case LabelKind::kBlank:
      parts.status.Report("inspect-disk", cloud::BootState::kDone,
                          "the state disk is blank: waiting for init or join");
      return absl::OkStatus();
    case LabelKind::kForeign:
      return FailedPrecondition(fmt::format(
          "foreign disk: {} is neither blank nor a state disk of ours: {}; it "
          "is left alone. Give the node an empty disk",
          path, found.reason));
    case LabelKind::kOurs:
      break;
  }
  RETURN_IF_ERROR(OpenOurs(parts, disk, found.disk_uuid, self));
  parts.status.Report("unlock", cloud::BootState::kDone,
                      fmt::format("state disk {} is open", found.disk_uuid));
  return absl::OkStatus();
}

}  // namespace constellation::disk_mapper
