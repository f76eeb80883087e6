// SPDX-License-Identifier: Apache-2.0
#include "cli/yaml/problems.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/status.h"

namespace constellation::cli {

void Problems::Add(int line, std::string_view message) {
  problems_.push_back({line, std::string(message)});
}

absl::Status Problems::ToStatus(std::string_view file) const {
  if (problems_.empty()) {
    return absl::OkStatus();
  }
  std::vector<Problem> sorted = problems_;
  // Sections are read in another order than they stand in the file.
  std::stable_sort(
      sorted.begin(), sorted.end(),
      [](const Problem& a, const Problem& b) { return a.line < b.line; });
  std::string message =
      sorted.size() == 1
          ? fmt::format("{} has a mistake:", file)
          : fmt::format("{} has {} mistakes:", file, sorted.size());
  for (const Problem& problem : sorted) {
    message += problem.line > 0 ? fmt::format("\n  line {}: {}", problem.line,
                                              problem.message)
                                : fmt::format("\n  {}", problem.message);
  }
  return InvalidArgument(message);
}

}  // namespace constellation::cli
