// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "cli/attestation/show.h"
#include "cli/commands/table.h"
#include "cli/exit_code.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// The exit code tells whether the file was understood, never whether it is
// genuine: nothing here is verified. The file is bounded, because it may come
// from anybody.
absl::Status RunAttestationShow(const Arguments& arguments,
                                CommandContext& context) {
  if (context.output == OutputFormat::kJunit) {
    return AsUsageError(InvalidArgument("--output: table or json"));
  }
  // A required argument: the parser has made sure that it is there.
  const std::string path = arguments.Text("FILE").value_or("");
  ASSIGN_OR_RETURN(const std::string contents,
                   ReadFile(path, kMaxAttestationFile));
  const ShownFile file = ShowFile(path, AsBytes(contents));
  context.Print(context.output == OutputFormat::kJson ? RenderShownJson(file)
                                                      : RenderShownTable(file));
  return ToStatus(file);
}

}  // namespace

Command AttestationShowCommand() {
  return {
      .path = {"attestation", "show"},
      .help =
          "Decode a report, quote, log, certificate or other file; verifies "
          "nothing.",
      .example = "constellation attestation show quote.bin -o json",
      .positionals = {{.name = "FILE",
                       .help = "Any file of attestation; its kind is told "
                               "by its content."}},
      .run = RunAttestationShow};
}

}  // namespace constellation::cli
