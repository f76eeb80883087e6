// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/confirm.h"

#include <fmt/format.h>

#include <iostream>
#include <string>

#include "common/status.h"

namespace constellation::cli {

// The end of input (a pipeline without terminal) counts as no: consent is never
// assumed.
absl::Status Confirm(std::string_view question, const CommandContext& context) {
  constexpr int kAttempts = 3;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::fputs(fmt::format("{} [y/n] ", question).c_str(), context.err);
    std::fflush(context.err);
    std::string answer;
    if (!std::getline(std::cin, answer)) {
      std::fputs("\n", context.err);
      return FailedPrecondition(
          "no answer; nothing was changed. Use -y to go on without asking");
    }
    if (answer == "y" || answer == "Y" || answer == "yes") {
      return absl::OkStatus();
    }
    if (answer == "n" || answer == "N" || answer == "no") {
      return FailedPrecondition("not confirmed; nothing was changed");
    }
  }
  return FailedPrecondition("neither y nor n; nothing was changed");
}

}  // namespace constellation::cli
