// SPDX-License-Identifier: Apache-2.0
#include "cli/exit_code.h"

#include "absl/strings/cord.h"

namespace constellation::cli {
namespace {

// Names of status payloads: they survive Annotate().
constexpr char kRefusal[] = "constellation/refusal";
constexpr char kUsageError[] = "constellation/usage-error";
constexpr char kInterrupted[] = "constellation/interrupted";

}  // namespace

absl::Status AsRefusal(absl::Status status) {
  status.SetPayload(kRefusal, absl::Cord("1"));
  return status;
}

// The payload decides, not the code: a node may send any code.
bool IsRefusal(const absl::Status& status) {
  return status.GetPayload(kRefusal).has_value();
}

absl::Status AsUsageError(absl::Status status) {
  status.SetPayload(kUsageError, absl::Cord("1"));
  return status;
}

absl::Status InterruptedStatus() {
  absl::Status status = absl::CancelledError("interrupted");
  status.SetPayload(kInterrupted, absl::Cord("1"));
  return status;
}

// Refusals come first: an interrupted run that refused a node has refused it.
ExitCode ExitCodeOf(const absl::Status& status) {
  if (status.ok()) {
    return ExitCode::kSuccess;
  }
  if (IsRefusal(status)) {
    return ExitCode::kRefused;
  }
  if (status.GetPayload(kUsageError).has_value()) {
    return ExitCode::kUsage;
  }
  if (status.GetPayload(kInterrupted).has_value()) {
    return ExitCode::kInterrupted;
  }
  return ExitCode::kError;
}

}  // namespace constellation::cli
