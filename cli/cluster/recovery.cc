// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/recovery.h"

#include <fmt/format.h>

#include <string>

#include "cli/cluster/node_verifier.h"
#include "cli/cluster/policy_builder.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {

absl::Status RecoverNode(ClusterTools& tools, const State& state,
                         const StateNode& node, ClusterKeys& keys) {
  // No port yet: the machine was never made.
  if (node.ports.recovery == 0) {
    return Unavailable(
        fmt::format("no port leads to the recovery server of {}", node.name));
  }
  ASSIGN_OR_RETURN(attestation::Policy policy, BuildPolicy(state));
  const VerifyNode verify =
      MakeNodeVerifier(std::move(policy), node.name,
                       {attestation::ClusterState::None()}, tools.clock);
  return tools.node_api.Recover(
      fmt::format("{}:{}", state.infrastructure.cluster_endpoint,
                  node.ports.recovery),
      verify,
      [&keys,
       &node](std::string_view disk_uuid) -> absl::StatusOr<RecoveryKeys> {
        ASSIGN_OR_RETURN(RecoveryKeys found, keys.ForDisk(disk_uuid));
        found.node_name = node.name;
        return found;
      });
}

}  // namespace constellation::cli
