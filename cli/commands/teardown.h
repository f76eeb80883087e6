// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_COMMANDS_TEARDOWN_H_
#define CONSTELLATION_CLI_COMMANDS_TEARDOWN_H_

#include "absl/status/status.h"
#include "cli/command.h"
#include "cli/commands/session.h"

namespace constellation::cli {

// Removes the cluster of the workspace: processes, sockets, disks and all files
// but the master secret. OK if there is nothing.
// Asks first unless `confirmed` (FAILED_PRECONDITION if the answer is no). For
// a cluster in a cloud everything with its uid is deleted and the config stays;
// DATA_LOSS if neither state nor journal says which cluster it is. What could
// not be removed stays recorded, so that the next call goes on.
absl::Status TearDown(Session& session, bool confirmed,
                      const CommandContext& context);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_COMMANDS_TEARDOWN_H_
