// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CLOUD_CLOUD_NODES_H_
#define CONSTELLATION_CLI_CLOUD_CLOUD_NODES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/cluster/cluster_keys.h"
#include "cli/cluster/tools.h"
#include "cli/config/config.h"
#include "cli/workspace/master_secret.h"
#include "cli/workspace/state.h"
#include "cli/workspace/workspace.h"

namespace constellation::cli {

// Makes a control-plane node behind the load balancer the first of a cluster.
// The balancer chooses among those that offer it; the one that is told so is
// pinned in the state file by its attestation key before anything is sent, and
// from then on only it is accepted, or a second cluster with the same keys
// could arise. Others are tried again. Otherwise like InitCluster().
//
// FAILED_PRECONDITION if there is no endpoint yet.
absl::Status InitCloudCluster(const Workspace& workspace, const Config& config,
                              State& state, const MasterSecret& secret,
                              ClusterKeys& keys, ClusterTools& tools);

// Fills CloudTools::control_planes from what the cloud says.
absl::Status FindControlPlanes(const Config& config, const State& state,
                               ClusterTools& tools);

// Sends one node that waits behind the load balancer's recovery port the key of
// its state disk, after it proved itself, without a cluster ID in PCR15. A disk
// says whose it is and the node refuses a key for another name, but nobody
// knows which node the balancer chose: the names of CloudTools::control_planes
// are tried in turn. UNAVAILABLE if none waits, or if no name fitted this time;
// a refusal if the node is not what it must be.
absl::Status RecoverCloudNode(ClusterTools& tools, const State& state,
                              ClusterKeys& keys);

// Every node that waits, until none does for `quiet`. Returns how many got
// their key; if one still waited that could not be checked (IsUnchecked()),
// why.
absl::StatusOr<int> RecoverCloudNodes(ClusterTools& tools, const State& state,
                                      ClusterKeys& keys, absl::Duration quiet);

// How many nodes `config` wants in all.
int WantedNodes(const Config& config);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CLOUD_CLOUD_NODES_H_
