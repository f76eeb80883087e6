// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <string>

#include "cli/attestation/verify_files.h"
#include "cli/commands/table.h"
#include "cli/exit_code.h"
#include "common/clock.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// No policy and no evidence: each certificate, list and document must lead to a
// pinned root and be valid at the time. Everything that was named counts as
// given, so a file that cannot be judged keeps the command from exiting with 0.
absl::Status RunVerify(const Arguments& arguments, CommandContext& context) {
  EvidenceSet set;
  for (const std::string& path : arguments.List("PATH")) {
    RETURN_IF_ERROR(set.AddFolder(path, true));
  }
  VerifyFilesOptions options;
  options.now = Clock::System().Now();
  if (const auto text = arguments.Text("--at")) {
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full, *text, &options.now, &error)) {
      return AsUsageError(InvalidArgument(fmt::format(
          "--at {}: want a time such as 2026-11-21T08:00:00Z", *text)));
    }
  }
  const FileReport report = VerifyCollateral(set, options);
  switch (context.output) {
    case OutputFormat::kTable:
      context.Print(RenderTable(report));
      break;
    case OutputFormat::kJson:
      context.Print(RenderJson(report));
      break;
    case OutputFormat::kJunit:
      context.Print(RenderJunit(report));
      break;
  }
  return ToStatus(report);
}

}  // namespace

Command CollateralVerifyCommand() {
  return {.path = {"collateral", "verify"},
          .help = "Verify bundles, caches or folders against the pinned roots.",
          .example = "constellation collateral verify collateral-bundle.json",
          .flags = {{.name = "--at",
                     .kind = Flag::Kind::kText,
                     .value_name = "TIME",
                     .help = "The time that dates are compared with [now]."}},
          .positionals = {{.name = "PATH",
                           .help = "A bundle, a cache or a folder.",
                           .list = true}},
          .run = RunVerify};
}

}  // namespace constellation::cli
