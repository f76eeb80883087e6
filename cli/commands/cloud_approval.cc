// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/cloud_approval.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "cli/commands/confirm.h"
#include "cli/terminal/table.h"
#include "common/status.h"

namespace constellation::cli {

void ApproveWith(const Arguments& arguments, const CommandContext& context,
                 Progress& progress, CloudTools& tools) {
  tools.engine.allow_deletion = arguments.Has("--allow-deletion");
  tools.approve = [&arguments, &context,
                   &progress](const cloud::Plan& plan) -> absl::Status {
    progress.Done();
    std::fputs(PrintableLines(cloud::PlanToText(plan)).c_str(), context.err);
    const std::vector<std::string> destroyed = plan.Destroyed();
    if (!destroyed.empty() && !arguments.Has("--allow-deletion")) {
      std::string names;
      for (const std::string& name : destroyed) {
        names += (names.empty() ? "" : ", ") + name;
      }
      return FailedPrecondition(fmt::format(
          "the plan deletes or replaces what works: {}. Nothing was changed; "
          "--allow-deletion permits it",
          names));
    }
    return arguments.Has("--yes") ? absl::OkStatus()
                                  : Confirm("Do this?", context);
  };
}

}  // namespace constellation::cli
