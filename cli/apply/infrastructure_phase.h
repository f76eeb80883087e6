// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_APPLY_INFRASTRUCTURE_PHASE_H_
#define CONSTELLATION_CLI_APPLY_INFRASTRUCTURE_PHASE_H_

#include "absl/status/status.h"
#include "cli/cluster/tools.h"
#include "cli/config/config.h"
#include "cli/workspace/state.h"
#include "cli/workspace/workspace.h"

namespace constellation::cli {

// Makes the VMs that `config` asks for, enrols their TPMs and starts them.
// `state` is written to the workspace before each step that creates something,
// so a killed run is continued by the next one; what is there already is kept.
// Groups that grew get new nodes; removing nodes is not done here.
//
// FAILED_PRECONDITION if the image's measurements are not those in `config`, or
// if what is there belongs to another cluster.
absl::Status CreateInfrastructure(const Workspace& workspace,
                                  const Config& config, State& state,
                                  ClusterTools& tools);

// The nodes that `config` asks for, in order: control plane first.
std::vector<StateNode> PlannedNodes(const Config& config);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_APPLY_INFRASTRUCTURE_PHASE_H_
