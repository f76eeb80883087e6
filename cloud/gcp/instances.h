// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_INSTANCES_H_
#define CONSTELLATION_CLOUD_GCP_INSTANCES_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cloud/gcp/compute.h"
#include "cloud/provider.h"

namespace constellation::cloud::gcp {

// Reads one compute#instance of cluster `uid`. Hostile input: syntax of every
// field is checked. INVALID_ARGUMENT otherwise. Leaves init_secret_sha256
// empty.
absl::StatusOr<ClusterInstance> ParseInstance(const nlohmann::json& instance,
                                              std::string_view uid);

// Every VM of the cluster, in all zones.
absl::StatusOr<std::vector<ClusterInstance>> ListInstances(
    GcpClient& client, const std::string& project,
    const ClusterIdentity& cluster);

// Makes the instance's group put a new one, made from its present template, in
// its place. `id` is one of ListInstances(); NOT_FOUND otherwise.
absl::Status RecreateInstance(Compute& compute, const std::string& project,
                              const ClusterIdentity& cluster,
                              std::string_view id);

// The end of the serial console (port 1), at most 1 MiB.
absl::StatusOr<std::string> SerialConsole(GcpClient& client,
                                          const std::string& project,
                                          const ClusterIdentity& cluster,
                                          std::string_view id);

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_INSTANCES_H_
