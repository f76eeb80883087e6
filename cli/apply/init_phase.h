// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_APPLY_INIT_PHASE_H_
#define CONSTELLATION_CLI_APPLY_INIT_PHASE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attestation/policy/policy.h"
#include "cli/cluster/cluster_keys.h"
#include "cli/cluster/tools.h"
#include "cli/config/config.h"
#include "cli/nodes/node_api.h"
#include "cli/workspace/state.h"
#include "cli/workspace/workspace.h"

namespace constellation::cli {

// Makes the first control-plane node the first of a cluster, or takes the
// result again if it is that already; writes constellation-admin.conf and the
// cluster ID. Waits for the node to boot, and gives nodes that wait for it the
// key of their disk. The node is verified before the master secret is sent.
//
// DEADLINE_EXCEEDED if the node does not get there in time; a refusal if it is
// not what it must be.
absl::Status InitCluster(const Workspace& workspace, const Config& config,
                         State& state, const MasterSecret& secret,
                         ClusterKeys& keys, ClusterTools& tools);

// Waits until the API server answers. Like the others it starts nodes that are
// off and gives keys to those that wait for it.
absl::Status WaitForApi(const Workspace& workspace, const State& state,
                        ClusterKeys& keys, ClusterTools& tools);

// Waits until every node of `state` is registered and Ready.
absl::Status WaitForNodes(const Workspace& workspace, const State& state,
                          ClusterKeys& keys, ClusterTools& tools);

// Waits until `wanted` nodes are registered and Ready: a cloud names its nodes
// by itself, so they are counted.
absl::Status WaitForCloudNodes(const Workspace& workspace, int wanted,
                               const State& state, ClusterKeys& keys,
                               ClusterTools& tools);

// What the first node is told. FAILED_PRECONDITION if nobody says which
// Kubernetes the image holds.
absl::StatusOr<InitParameters> ParametersFor(const Config& config,
                                             const State& state,
                                             const MasterSecret& secret,
                                             const ClusterKeys& keys,
                                             const attestation::Policy& policy,
                                             ClusterTools& tools);

// Writes constellation-admin.conf for the API server at `api_port` of the
// cluster's endpoint, and the cluster ID. A refusal if the node names another
// one than the master secret gives.
absl::Status SaveInitOutcome(const Workspace& workspace, uint16_t api_port,
                             const InitOutcome& outcome,
                             const ClusterKeys& keys, State& state);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_APPLY_INIT_PHASE_H_
