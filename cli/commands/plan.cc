// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cli/cloud/cloud_infrastructure.h"
#include "cli/cloud/control_plane_guard.h"
#include "cli/commands/session.h"
#include "cli/commands/table.h"
#include "cli/terminal/table.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// Changes nothing: no lock is taken and nothing is written.
absl::Status RunPlan(const Arguments& /*arguments*/, CommandContext& context) {
  ASSIGN_OR_RETURN(const auto session, Session::Open(context, false));
  ASSIGN_OR_RETURN(const Config config, session->workspace().LoadConfig(
                                            {.any_place = context.force}));
  // The local platform needs no plan: nothing costs money there.
  if (!config.IsCloud()) {
    return FailedPrecondition(
        "plan compares a config with a cloud; machines of provider qemu are "
        "shown by: constellation status");
  }
  for (const std::string& warning : ConfigWarnings(config)) {
    context.Warn(warning);
  }
  ASSIGN_OR_RETURN(State state, session->workspace().LoadStateOrEmpty());
  RETURN_IF_ERROR(PrepareCloudState(config, state));
  // Read-only calls of the cloud alone; the state with the cluster's uid exists
  // in memory and is forgotten.
  const absl::StatusOr<CloudPlan> planned =
      PlanCloud(session->workspace(), config, state, session->tools(),
                /*read_only=*/true);
  if (!planned.ok()) {
    session->progress().Failed();
    return planned.status();
  }
  if (state.IsInitialized()) {
    ASSIGN_OR_RETURN(const std::string loss,
                     ControlPlaneLoss(planned->plan, planned->request,
                                      planned->connection->provider()));
    if (!loss.empty()) {
      context.Warn(loss);
    }
  }
  if (context.output == OutputFormat::kJson) {
    context.Print(
        cloud::PlanToJson(planned->plan)
            .dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
        "\n");
  } else {
    context.Print(PrintableLines(cloud::PlanToText(planned->plan)));
  }
  return absl::OkStatus();
}

}  // namespace

Command PlanCommand() {
  return {.path = {"plan"},
          .help = "Show what apply would create, change and delete in a cloud.",
          .example = "constellation plan --output json",
          .run = RunPlan};
}

}  // namespace constellation::cli
