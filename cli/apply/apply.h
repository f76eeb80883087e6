// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_APPLY_APPLY_H_
#define CONSTELLATION_CLI_APPLY_APPLY_H_

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/cluster/tools.h"
#include "cli/workspace/workspace.h"

namespace constellation::cli {

// The steps of `apply`, in order.
enum class Phase { kInfrastructure, kInit, kAttestationConfig, kNodes };

// The names users know: infrastructure, init, attestationconfig, nodes.
std::string_view PhaseName(Phase phase);
// All of them, in the order in which they are done.
const std::vector<Phase>& AllPhases();
// INVALID_ARGUMENT for an unknown name, with the nearest known one.
absl::StatusOr<Phase> ParsePhase(std::string_view name);

// Does what is missing for the cluster that the workspace describes, except for
// `skip`. Every phase may have been done before, in part or in whole, so a run
// that was stopped anywhere is continued by the next one. The caller holds the
// workspace's lock. In a cloud CloudTools::approve is asked first.
absl::Status Apply(const Workspace& workspace, const std::set<Phase>& skip,
                   ClusterTools& tools,
                   const ConfigOptions& config_options = {});

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_APPLY_APPLY_H_
