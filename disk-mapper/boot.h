// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_BOOT_H_
#define CONSTELLATION_DISK_MAPPER_BOOT_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "attestation/attester.h"
#include "cloud/boot_status.h"
#include "cloud/metadata.h"
#include "common/clock.h"
#include "common/command.h"
#include "crypto/tls_identity.h"
#include "disk-mapper/cluster_mark.h"
#include "disk-mapper/node_paths.h"
#include "disk-mapper/rejoin_client.h"
#include "disk-mapper/state_disk/file_system.h"
#include "disk-mapper/state_disk/state_disk.h"

namespace constellation::disk_mapper {

// What the early boot of a node is made of. References outlive the call.
struct BootParts {
  const NodePaths& paths;
  cloud::MetadataClient& metadata;
  CommandRunner& runner;
  Mounter& mounter;
  ClusterMark& mark;
  attestation::Attester& attester;
  RejoinTicketSource& tickets;
  cloud::BootStatus& status;
  Clock& clock;
  const crypto::TlsIdentity& identity;
  // Where the recovery server listens, host:port.
  std::string recovery_address;
  absl::Status (*set_host_name)(const std::string& name);
};

// Asks the metadata service until it answers, gives the node its name and its
// address; returns the metadata. Only errors that do not pass by waiting.
absl::StatusOr<cloud::InstanceMetadata> IntroduceNode(const BootParts& parts);

// Decides by `disk` (at `path`) what this node is. Blank: OK, and nothing has
// happened. Ours: returns when a key has opened it, it is mounted and PCR15 is
// set, however long that takes. FAILED_PRECONDITION if it holds somebody
// else's data or PCR15 is set already, DATA_LOSS if it is damaged.
absl::Status BootFromDisk(const BootParts& parts, StateDisk& disk,
                          const std::string& path,
                          const cloud::InstanceMetadata& self);

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_BOOT_H_
