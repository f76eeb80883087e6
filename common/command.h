// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_COMMON_COMMAND_H_
#define CONSTELLATION_COMMON_COMMAND_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace constellation {

// What a finished program left behind.
struct CommandResult {
  int exit_code = 0;  // 128 + n if signal n ended it
  std::string out;
  std::string err;
};

// How a program is run. `input` must live until Run() returns.
struct CommandOptions {
  absl::Duration timeout = absl::InfiniteDuration();  // then SIGKILL
  std::span<const uint8_t> input =
      {};  // given on standard input: the way for secrets
  std::vector<std::string> environment = {};  // "NAME=value", added to ours
  size_t max_output = size_t{4}
                      << 20U;  // of each stream; what exceeds it is dropped
};

// Runs other programs. The seam by which tests replace them. Implementations
// are thread-safe.
class CommandRunner {
 public:
  virtual ~CommandRunner() = default;
  // Runs `argv` (argv[0] is looked up in PATH, no shell) and waits.
  // NOT_FOUND if there is no such program, DEADLINE_EXCEEDED after the
  // time-out; any exit code is a result, not an error. Never put secrets into
  // `argv`.
  virtual absl::StatusOr<CommandResult> Run(
      const std::vector<std::string>& argv, const CommandOptions& options) = 0;
};

// The real thing: fork and exec.
class ProcessRunner final : public CommandRunner {
 public:
  absl::StatusOr<CommandResult> Run(const std::vector<std::string>& argv,
                                    const CommandOptions& options) override;
};

// Runs `argv` and returns its standard output. INTERNAL with the end of its
// error output if it exits with anything but 0.
absl::StatusOr<std::string> RunChecked(CommandRunner& runner,
                                       const std::vector<std::string>& argv,
                                       const CommandOptions& options = {});

}  // namespace constellation

#endif  // CONSTELLATION_COMMON_COMMAND_H_
