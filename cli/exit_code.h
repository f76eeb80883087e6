// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_EXIT_CODE_H_
#define CONSTELLATION_CLI_EXIT_CODE_H_

#include "absl/status/status.h"

namespace constellation::cli {

// Every exit code of the program. Pipelines rely on them: `verify` ends with 0
// only after every node was checked and accepted.
enum class ExitCode {
  kSuccess = 0,
  kError = 1,    // could not do, or could not check
  kRefused = 2,  // checked, and a node or the cluster is not what it must be
  kUsage = 64,   // the command line is wrong
  kInterrupted = 130  // Ctrl-C
};

// Marks `status` (not OK) as the refusal of a machine that was checked.
absl::Status AsRefusal(absl::Status status);
// Whether `status` was marked by AsRefusal(), by whatever it was annotated
// since.
bool IsRefusal(const absl::Status& status);

// Marks `status` (not OK) as a mistake in how the command was called.
absl::Status AsUsageError(absl::Status status);

// What work that was stopped by Ctrl-C returns: CANCELLED, marked so that a
// peer's CANCELLED is not taken for it.
absl::Status InterruptedStatus();

// The exit code for the outcome of a command.
ExitCode ExitCodeOf(const absl::Status& status);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_EXIT_CODE_H_
