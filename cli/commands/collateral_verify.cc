// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "cli/attestation/verify_files.h"
#include "cli/commands/file_verdict.h"
#include "cli/commands/table.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// No policy and no evidence: each certificate, list and document must lead to a
// pinned root and be valid at the time. Everything that was named counts as
// given, so a file that cannot be judged keeps the command from exiting with 0.
absl::Status RunCollateralVerify(const Arguments& arguments,
                                 CommandContext& context) {
  EvidenceSet set;
  for (const std::string& path : arguments.List("PATH")) {
    RETURN_IF_ERROR(set.AddFolder(path, true));
  }
  VerifyFilesOptions options;
  ASSIGN_OR_RETURN(options.now, TimeOf(arguments));
  return PrintVerdict(VerifyCollateral(set, options), context);
}

}  // namespace

Command CollateralVerifyCommand() {
  return {.path = {"collateral", "verify"},
          .help = "Verify bundles, caches or folders against the pinned roots.",
          .example = "constellation collateral verify collateral-bundle.json",
          .flags = {AtFlag()},
          .positionals = {{.name = "PATH",
                           .help = "A bundle, a cache or a folder.",
                           .list = true}},
          .run = RunCollateralVerify};
}

}  // namespace constellation::cli
