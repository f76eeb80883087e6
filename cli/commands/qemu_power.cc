// SPDX-License-Identifier: Apache-2.0
// Power buttons of the local platform's machines; hidden, for tests and for
// people who know what they do.
#include "cli/commands/session.h"
#include "cli/commands/table.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

using cloud::qemu::StopMode;
using cloud::qemu::SupervisorClient;

// No lock is taken: tests switch machines while `apply` runs. The supervisor
// process serialises what it is asked. "stop" is the plug, not the power button
// (kHard); "kill" ends the virtual machine monitor itself, as a crash would.
absl::Status RunQemuPower(const Arguments& arguments, CommandContext& context) {
  ASSIGN_OR_RETURN(const auto session, Session::Open(context, false));
  ASSIGN_OR_RETURN(const std::string program, OwnProgram());
  ASSIGN_OR_RETURN(const SupervisorClient client,
                   SupervisorClient::StartExisting(
                       program, session->workspace().qemu_folder()));
  const std::string operation = *arguments.Text("OPERATION");
  const std::string node = *arguments.Text("NODE");
  if (operation == "start") {
    return client.StartNode(node);
  }
  if (operation == "stop") {
    return client.StopNode(node, StopMode::kHard);
  }
  if (operation == "reset") {
    return client.ResetNode(node);
  }
  if (operation == "kill") {
    return client.KillNode(node);
  }
  return client.SetNodeImage(node, arguments.Text("IMAGE").value_or(""));
}

}  // namespace

Command QemuPowerCommand() {
  return {.path = {"qemu-power"},
          .help = "Switch a machine of the local platform.",
          .example = "constellation qemu-power reset mini-worker-0",
          .positionals = {{.name = "OPERATION",
                           .help = "What to do.",
                           .choices = {"start", "stop", "reset", "kill",
                                       "set-image"}},
                          {.name = "NODE", .help = "Name of the machine."},
                          {.name = "IMAGE",
                           .help = "For set-image; none: the cluster's.",
                           .required = false}},
          .hidden = true,
          .run = RunQemuPower};
}

}  // namespace constellation::cli
