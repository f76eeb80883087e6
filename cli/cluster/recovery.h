// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CLUSTER_RECOVERY_H_
#define CONSTELLATION_CLI_CLUSTER_RECOVERY_H_

#include "absl/status/status.h"
#include "cli/cluster/cluster_keys.h"
#include "cli/cluster/tools.h"
#include "cli/workspace/state.h"

namespace constellation::cli {

// Sends `node` the key of its state disk after it proved to be the enrolled
// node, on an accepted image, without a cluster ID in PCR15 (so: in early
// boot). UNAVAILABLE if its recovery server does not answer; a refusal if the
// node is not what it must be; else what the node said.
absl::Status RecoverNode(ClusterTools& tools, const State& state,
                         const StateNode& node, ClusterKeys& keys);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CLUSTER_RECOVERY_H_
