// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/table.h"

namespace constellation::cli {

// A list by hand instead of registration by static objects: the order is that
// of --help, and the linker cannot drop anything.
std::vector<Command> AllCommands() {
  return {ConfigGenerateCommand(),
          ConfigInstanceTypesCommand(),
          CreateCommand(),
          InitCommand(),
          PlanCommand(),
          ApplyCommand(),
          MiniUpCommand(),
          MiniDownCommand(),
          StatusCommand(),
          VerifyCommand(),
          RecoverCommand(),
          TerminateCommand(),
          ImageBuildCommand(),
          ImageMeasureCommand(),
          ImageUploadCommand(),
          IamCreateCommand(),
          IamDestroyCommand(),
          AttestationShowCommand(),
          AttestationVerifyCommand(),
          CollateralFetchCommand(),
          CollateralBundleCommand(),
          CollateralVerifyCommand(),
          PolicyCheckCommand(),
          PolicySignCommand(),
          PolicyExplainCommand(),
          PolicyDiffCommand(),
          VersionCommand(),
          CompletionCommand(),
          QemuPowerCommand()};
}

std::vector<CommandGroup> AllGroups() {
  return {
      {"config", "Work with the configuration file."},
      {"mini", "A small local cluster: one control-plane node, one worker."},
      {"attestation", "Show and verify evidence that lies in files."},
      {"collateral", "Get and verify what vendors publish about their chips."},
      {"policy", "Check, explain and compare attestation policies."},
      {"image", "Build, measure and upload a node image."},
      {"iam", "Identities of a cluster's nodes in a cloud."}};
}

}  // namespace constellation::cli
