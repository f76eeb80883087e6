// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_COMMANDS_FILE_VERDICT_H_
#define CONSTELLATION_CLI_COMMANDS_FILE_VERDICT_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/attestation/file_report.h"
#include "cli/command.h"

// What the commands share that judge files: `attestation verify` and
// `collateral verify`.
namespace constellation::cli {

// The flag --at that they have.
Flag AtFlag();

// The instant that --at names (RFC 3339); the system's clock without it. A
// usage error if it is no such time.
absl::StatusOr<absl::Time> TimeOf(const Arguments& arguments);

// Prints `report` in the format asked for, and gives the verdict that the exit
// code is made of: OK only if something was verified and nothing failed.
absl::Status PrintVerdict(const FileReport& report, CommandContext& context);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_COMMANDS_FILE_VERDICT_H_
