// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CLOUD_CLUSTER_REQUEST_H_
#define CONSTELLATION_CLI_CLOUD_CLUSTER_REQUEST_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "cli/config/config.h"
#include "cli/workspace/state.h"
#include "cloud/provider.h"

namespace constellation::cli {

// Ports that the load balancer forwards to control-plane nodes.
inline constexpr uint16_t kCloudApiServerPort = 6443;
inline constexpr uint16_t kCloudInitPort = 9000;
inline constexpr uint16_t kCloudRecoveryPort = 9999;
inline constexpr uint16_t kCloudVerificationPort = 30081;

// The infrastructure that a checked configuration of a cloud and the state
// (uid, init secret) ask for. Only the hash of the init secret goes in. Groups
// are sorted, control planes first; those of no nodes are there, too. Pure.
// INVALID_ARGUMENT if the state's init secret is not hex.
absl::StatusOr<cloud::ClusterRequest> ClusterRequestOf(
    const Config& config, const State& state,
    const cloud::ClusterIdentity& identity);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CLOUD_CLUSTER_REQUEST_H_
