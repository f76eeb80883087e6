// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_COMMANDS_CONFIRM_H_
#define CONSTELLATION_CLI_COMMANDS_CONFIRM_H_

#include <string_view>

#include "absl/status/status.h"
#include "cli/command.h"

namespace constellation::cli {

// Asks `question` on `context.err` and reads y or n from standard input, three
// times at most. FAILED_PRECONDITION for n or no answer: nothing was changed.
absl::Status Confirm(std::string_view question, const CommandContext& context);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_COMMANDS_CONFIRM_H_
