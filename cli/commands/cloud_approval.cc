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
  // Called by the engine with the plan before it changes anything. What the
  // plan says comes from the cloud's API in part, so control characters are
  // taken out before it reaches the terminal. The check for deletions comes
  // before the question: -y alone never destroys what works.
  tools.approve = [&arguments, &context,
                   &progress](const cloud::Plan& plan) -> absl::Status {
    // The phase in which the cloud was asked ends here: a spinner beside a
    // question would be confusing.
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
