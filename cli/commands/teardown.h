// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_COMMANDS_TEARDOWN_H_
#define CONSTELLATION_CLI_COMMANDS_TEARDOWN_H_

#include "absl/status/status.h"
#include "cli/command.h"
#include "cli/commands/session.h"

namespace constellation::cli {

// Removes the cluster of the workspace: processes, sockets, disks and all files
// but the master secret. OK if there is nothing.
absl::Status TearDown(Session& session, bool confirmed,
                      const CommandContext& context);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_COMMANDS_TEARDOWN_H_
