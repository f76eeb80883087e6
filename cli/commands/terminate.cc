// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "cli/commands/confirm.h"
#include "cli/commands/table.h"
#include "cli/commands/teardown.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

absl::Status RemoveFile(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, "remove", path);
  }
  return absl::OkStatus();
}

absl::Status Run(const Arguments& arguments, CommandContext& context) {
  ASSIGN_OR_RETURN(const auto session, Session::Open(context, true));
  return TearDown(*session, arguments.Has("--yes"), context);
}

}  // namespace

absl::Status TearDown(Session& session, bool confirmed,
                      const CommandContext& context) {
  const Workspace& workspace = session.workspace();
  if (!confirmed) {
    RETURN_IF_ERROR(
        Confirm(fmt::format("Remove the cluster in {} with all its data?",
                            workspace.folder()),
                context));
  }
  session.progress().Begin("Removing the cluster");
  const absl::Status removed = session.platform().Remove();
  if (!removed.ok()) {
    session.progress().Failed();
    return removed;
  }
  for (const std::string& path :
       {workspace.kubeconfig_path(), workspace.state_path(),
        workspace.config_path()}) {
    RETURN_IF_ERROR(RemoveFile(path));
  }
  session.progress().Done();
  if (FileExists(workspace.master_secret_path())) {
    context.Print(fmt::format(
        "Kept the master secret {}: remove it yourself once no disk or backup "
        "needs it.\n",
        workspace.master_secret_path()));
  }
  return absl::OkStatus();
}

Command TerminateCommand() {
  return {.path = {"terminate"},
          .help = "Remove the cluster; only the master secret stays.",
          .example = "constellation terminate -y",
          .flags = {{.name = "--yes",
                     .short_name = "-y",
                     .help = "Do not ask before removing anything."}},
          .run = Run};
}

}  // namespace constellation::cli
