// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_COMMANDS_CLOUD_APPROVAL_H_
#define CONSTELLATION_CLI_COMMANDS_CLOUD_APPROVAL_H_

#include "cli/cloud/cloud_tools.h"
#include "cli/command.h"
#include "cli/terminal/progress.h"

namespace constellation::cli {

// Makes `tools` show each plan on `context.err` and ask, unless --yes is given.
// A plan that destroys working things is refused, FAILED_PRECONDITION with
// their names, unless --allow-deletion is given. Arguments must outlive the
// tools' next run.
void ApproveWith(const Arguments& arguments, const CommandContext& context,
                 Progress& progress, CloudTools& tools);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_COMMANDS_CLOUD_APPROVAL_H_
