// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_COMMANDS_TABLE_H_
#define CONSTELLATION_CLI_COMMANDS_TABLE_H_

#include <vector>

#include "cli/command.h"

namespace constellation::cli {

// All commands, in the order in which --help lists them.
std::vector<Command> AllCommands();
std::vector<CommandGroup> AllGroups();

// One file each.
Command ConfigGenerateCommand();
Command ConfigInstanceTypesCommand();
Command CreateCommand();
Command InitCommand();
Command PlanCommand();
Command ApplyCommand();
Command MiniUpCommand();
Command MiniDownCommand();
Command StatusCommand();
Command VerifyCommand();
Command RecoverCommand();
Command TerminateCommand();
Command ImageBuildCommand();
Command ImageMeasureCommand();
Command ImageUploadCommand();
Command IamCreateCommand();
Command IamDestroyCommand();
Command AttestationShowCommand();
Command AttestationVerifyCommand();
Command CollateralFetchCommand();
Command CollateralBundleCommand();
Command CollateralVerifyCommand();
Command PolicyCheckCommand();
Command PolicySignCommand();
Command PolicyExplainCommand();
Command PolicyDiffCommand();
Command VersionCommand();
Command CompletionCommand();
Command QemuPowerCommand();

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_COMMANDS_TABLE_H_
