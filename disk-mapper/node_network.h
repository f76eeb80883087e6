// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_NODE_NETWORK_H_
#define CONSTELLATION_DISK_MAPPER_NODE_NETWORK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cloud/metadata.h"
#include "common/command.h"
#include "disk-mapper/node_paths.h"

namespace constellation::disk_mapper {

// systemd-networkd's file for the network between the nodes. INVALID_ARGUMENT
// if an address is not what MetadataClient promises: nothing of it may break
// the file's syntax.
absl::StatusOr<std::string> ClusterNetworkFile(
    const cloud::InstanceMetadata& self);

// Gives the node, where the cloud does
// not do it, its address on the cluster network. Errors of the system as they
// come.
absl::Status SetUpNodeNetwork(const NodePaths& paths, CommandRunner& runner,
                              const cloud::InstanceMetadata& self);

// Sets the kernel's host name.
// INVALID_ARGUMENT unless IsNodeName(): metadata is the host's.
absl::Status SetHostName(const std::string& name);

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_NODE_NETWORK_H_
