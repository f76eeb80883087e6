// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/commands/table.h"

namespace constellation::cli {
namespace {

// The version is that of the build. There is one platform; scripts that
// download other releases read it all the same.
absl::Status RunVersion(const Arguments& /*arguments*/,
                        CommandContext& context) {
  context.Print(
      context.output == OutputFormat::kJson
          ? fmt::format("{{\"version\":\"{}\",\"platform\":\"linux/amd64\"}}\n",
                        CONSTELLATION_VERSION)
          : fmt::format("Version:   v{}\nPlatform:  linux/amd64\n",
                        CONSTELLATION_VERSION));
  return absl::OkStatus();
}

}  // namespace

Command VersionCommand() {
  return {.path = {"version"},
          .help = "Print the version.",
          .example = "constellation version",
          .run = RunVersion};
}

}  // namespace constellation::cli
