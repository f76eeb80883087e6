// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/file_verdict.h"

#include <fmt/format.h>

#include <string>

#include "cli/exit_code.h"
#include "common/clock.h"
#include "common/status.h"

namespace constellation::cli {

Flag AtFlag() {
  return {.name = "--at",
          .kind = Flag::Kind::kText,
          .value_name = "TIME",
          .help = "The time that dates are compared with [now]."};
}

// It lets old evidence be judged with the collateral of its day. The caller
// vouches for that time: expired certificates pass.
absl::StatusOr<absl::Time> TimeOf(const Arguments& arguments) {
  const auto text = arguments.Text("--at");
  if (!text.has_value()) {
    return Clock::System().Now();
  }
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, *text, &time, &error)) {
    return AsUsageError(InvalidArgument(fmt::format(
        "--at {}: want a time such as 2026-11-21T08:00:00Z", *text)));
  }
  return time;
}

absl::Status PrintVerdict(const FileReport& report, CommandContext& context) {
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

}  // namespace constellation::cli
