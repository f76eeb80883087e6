// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <string>

#include "cli/commands/table.h"
#include "cli/config/config.h"
#include "cli/exit_code.h"
#include "cli/workspace/workspace.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

absl::Status Run(const Arguments& arguments, CommandContext& context) {
  ASSIGN_OR_RETURN(const Workspace workspace,
                   Workspace::Open(context.workspace));
  RETURN_IF_ERROR(workspace.CheckWritable());
  Config config = DefaultQemuConfig();
  config.image = arguments.Text("--image").value_or("");
  config.kubernetes_version = arguments.Text("--kubernetes").value_or("");
  for (const std::string& tag : arguments.List("--tags")) {
    const size_t equals = tag.find('=');
    if (equals == std::string::npos || equals == 0) {
      return AsUsageError(InvalidArgument(
          fmt::format("--tags: want key=value, got \"{}\"", tag)));
    }
    config.tags[tag.substr(0, equals)] = tag.substr(equals + 1);
  }
  const std::string text = RenderConfig(config);
  // A bad value given here must not make a file that no command accepts.
  RETURN_IF_ERROR(ParseConfig(text, "the new configuration").status());
  const absl::Status written =
      CreateFileExclusively(workspace.config_path(), text);
  if (absl::IsAlreadyExists(written)) {
    return AlreadyExists(
        fmt::format("{} exists already; edit it, or remove it first",
                    workspace.config_path()));
  }
  RETURN_IF_ERROR(written);
  context.Print(fmt::format("Wrote {}.\nNext: constellation apply\n",
                            workspace.config_path()));
  return absl::OkStatus();
}

}  // namespace

Command ConfigGenerateCommand() {
  return {.path = {"config", "generate"},
          .help = "Write constellation-conf.yaml with sensible values.",
          .example = "constellation config generate qemu",
          .flags = {{.name = "--image",
                     .kind = Flag::Kind::kText,
                     .value_name = "PATH",
                     .help = "Node image; default: the newest one built here."},
                    {.name = "--kubernetes",
                     .short_name = "-k",
                     .kind = Flag::Kind::kText,
                     .value_name = "VERSION",
                     .help = "Kubernetes version; must be the image's."},
                    {.name = "--tags",
                     .short_name = "-t",
                     .kind = Flag::Kind::kList,
                     .value_name = "KEY=VALUE",
                     .help = "Labels of the infrastructure."}},
          .positionals = {{.name = "PROVIDER",
                           .help = "Where the nodes shall run: qemu.",
                           .choices = {"qemu"}}},
          .run = Run};
}

}  // namespace constellation::cli
