// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <string>

#include "cli/cloud/cloud_nodes.h"
#include "cli/cluster/cluster_keys.h"
#include "cli/cluster/recovery.h"
#include "cli/commands/session.h"
#include "cli/commands/table.h"
#include "common/retry.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// No waiting node is no error: `recover` may be run at any time.
void TellRecovered(int recovered, const CommandContext& context) {
  context.Print(
      recovered == 0
          ? "No node waits for recovery.\n"
          : fmt::format("Recovered {} node{}. Others rejoin by "
                        "themselves once a control-plane node runs.\n",
                        recovered, recovered == 1 ? "" : "s"));
}

// The load balancer chooses among the nodes that wait; one after the other.
// `kQuiet`: how long nobody may ask for a key before the search ends. Only
// attested nodes get a key; who is at the other end of the balancer is
// therefore no question of trust.
absl::Status RecoverCloud(Session& session, const State& state,
                          ClusterKeys& keys, const CommandContext& context) {
  constexpr absl::Duration kQuiet = absl::Seconds(20);
  ASSIGN_OR_RETURN(
      const Config config,
      session.workspace().LoadConfig({.any_place = true, .draft = true}));
  session.progress().Begin("Looking for nodes that wait for their key");
  RETURN_IF_ERROR(FindControlPlanes(config, state, session.tools()));
  const absl::StatusOr<int> recovered =
      RecoverCloudNodes(session.tools(), state, keys, kQuiet);
  if (!recovered.ok()) {
    session.progress().Failed();
    return recovered.status();
  }
  session.progress().Done();
  TellRecovered(*recovered, context);
  return absl::OkStatus();
}

// Goes on after a node that fails, because the others need their keys as well;
// the last failure becomes the result. A node that is down or already has its
// key is not a failure (UNAVAILABLE or FAILED_PRECONDITION).
absl::Status RunRecover(const Arguments& /*arguments*/,
                        CommandContext& context) {
  ASSIGN_OR_RETURN(const auto session, Session::Open(context, true));
  ASSIGN_OR_RETURN(const State state, session->workspace().LoadState());
  ASSIGN_OR_RETURN(const MasterSecret secret,
                   session->workspace().LoadMasterSecret());
  ASSIGN_OR_RETURN(
      ClusterKeys keys,
      ClusterKeys::Create(secret, state.cluster_values.measurement_salt));
  if (state.IsCloud()) {
    return RecoverCloud(*session, state, keys, context);
  }
  // Ports of the recovery servers lead through the supervisor, so it must run.
  if (session->platform().Exists()) {
    RETURN_IF_ERROR(session->platform().OpenExisting());
  }
  int recovered = 0;
  absl::Status worst;
  for (const StateNode& node : state.infrastructure.qemu.nodes) {
    session->progress().Begin(fmt::format("Recovering {}", node.name));
    const absl::Status status =
        RecoverNode(session->tools(), state, node, keys);
    if (status.ok()) {
      session->progress().Done("pushed the key of its state disk");
      ++recovered;
    } else if (IsTransient(status) || absl::IsFailedPrecondition(status)) {
      session->progress().Done("does not wait for a key");
    } else {
      session->progress().Failed();
      session->progress().Note(
          fmt::format("Node {}: {}", node.name, Message(status)));
      worst = Annotate(status, fmt::format("recover {}", node.name));
    }
  }
  TellRecovered(recovered, context);
  return worst;
}

}  // namespace

Command RecoverCommand() {
  return {.path = {"recover"},
          .help = "Give nodes that wait for it the key of their disk.",
          .example = "constellation recover",
          .flags = {OfflineFlag()},
          .run = RunRecover};
}

}  // namespace constellation::cli
