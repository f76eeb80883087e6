// SPDX-License-Identifier: Apache-2.0
// The `constellation` command: arguments -> command -> exit code.
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/commands/table.h"
#include "cloud/qemu/supervisor_client.h"
#include "common/log.h"

int main(int argc, char** argv) {
  // The supervisor of local machines is this program, too.
  if (const auto code =
          constellation::cloud::qemu::RunHiddenCommand(argc, argv)) {
    return *code;
  }
  constellation::SetUpLogging("constellation");
  constellation::cli::CommandContext context;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return static_cast<int>(constellation::cli::RunCommandLine(
      constellation::cli::AllCommands(), constellation::cli::AllGroups(),
      arguments, context));
}
