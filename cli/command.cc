// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <fmt/format.h>

namespace constellation::cli {

void CommandContext::Print(std::string_view text) const {
  std::fwrite(text.data(), 1, text.size(), out);
  std::fflush(out);
}

void CommandContext::Warn(std::string_view text) const {
  const std::string line = fmt::format("Warning: {}\n", text);
  std::fwrite(line.data(), 1, line.size(), err);
  std::fflush(err);
}

// A switch has an entry without values.
std::optional<std::string> Arguments::Text(const std::string& name) const {
  const auto it = values_.find(name);
  if (it == values_.end() || it->second.empty()) {
    return std::nullopt;
  }
  return it->second.back();
}

std::vector<std::string> Arguments::List(const std::string& name) const {
  const auto it = values_.find(name);
  return it == values_.end() ? std::vector<std::string>{} : it->second;
}

}  // namespace constellation::cli
