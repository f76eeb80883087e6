// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <string>

#include "cli/cluster/cluster_keys.h"
#include "cli/cluster/recovery.h"
#include "cli/commands/session.h"
#include "cli/commands/table.h"
#include "common/retry.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

absl::Status Run(const Arguments& /*arguments*/, CommandContext& context) {
  ASSIGN_OR_RETURN(const auto session, Session::Open(context, true));
  ASSIGN_OR_RETURN(const State state, session->workspace().LoadState());
  ASSIGN_OR_RETURN(const MasterSecret secret,
                   session->workspace().LoadMasterSecret());
  ASSIGN_OR_RETURN(
      ClusterKeys keys,
      ClusterKeys::Create(secret, state.cluster_values.measurement_salt));
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
  context.Print(
      recovered == 0
          ? "No node waits for recovery.\n"
          : fmt::format("Recovered {} node{}. Others rejoin by "
                        "themselves once a control-plane node runs.\n",
                        recovered, recovered == 1 ? "" : "s"));
  return worst;
}

}  // namespace

Command RecoverCommand() {
  return {.path = {"recover"},
          .help = "Give nodes that wait for it the key of their disk.",
          .example = "constellation recover",
          .run = Run};
}

}  // namespace constellation::cli
