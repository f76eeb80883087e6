// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_COMMAND_LINE_H_
#define CONSTELLATION_CLI_COMMAND_LINE_H_

#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/command.h"
#include "cli/exit_code.h"

namespace constellation::cli {

// The flags that every command takes.
// --workspace, --debug, --force, --output. They may stand before or behind the
// command.
const std::vector<Flag>& GlobalFlags();

// Parses `arguments` (without the program's name), runs the command that they
// name and says what went wrong on `context.err`. The only place that turns an
// outcome into an exit code.
ExitCode RunCommandLine(std::span<const Command> commands,
                        std::span<const CommandGroup> groups,
                        const std::vector<std::string>& arguments,
                        CommandContext& context);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_COMMAND_LINE_H_
