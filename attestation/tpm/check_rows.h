// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_CHECK_ROWS_H_
#define CONSTELLATION_ATTESTATION_TPM_CHECK_ROWS_H_

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/status.h"

namespace constellation::attestation {

// One comparison of a verification. `Id` is an enum with a ToString() beside
// it; `advice` says in an operator's words what a failure means and what to do
// about it, and is empty where the other fields say enough or the row passed.
template <typename Id>
struct Check {
  Id id{};
  std::string expected;
  std::string got;
  bool passed = false;
  std::string advice;
  // False: not made, or only in part, and nothing demands it. Such a row has
  // passed, yet must not be shown as a check that was made; `got` says why.
  bool checked = true;
};

// Collects the rows of one verification, in the order in which they are made.
// Not thread-safe: one list belongs to one call.
template <typename Id>
class CheckRows final {
 public:
  // Adds a row; returns `passed`, so that a check may depend on another.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): they are moved.
  bool Add(Id id, bool passed, std::string expected, std::string got,
           std::string_view advice = {}) {
    rows_.push_back({.id = id,
                     .expected = std::move(expected),
                     .got = std::move(got),
                     .passed = passed,
                     .advice = std::string(passed ? "" : advice)});
    return passed;
  }
  // Says of the row that was added last that its check was not (wholly) made.
  void MarkNotChecked() { rows_.back().checked = false; }
  // Adds a row that passes if `status` is OK, else shows its message.
  bool AddStatus(Id id, const absl::Status& status, std::string expected,
                 std::string_view advice = {}) {
    return Add(id, status.ok(), std::move(expected),
               status.ok() ? "as expected" : std::string(Message(status)),
               advice);
  }
  // Adds a failed row for a check that cannot be made, because what it looks
  // at is not there or does not parse.
  void AddUnavailable(Id id, std::string expected, std::string_view why) {
    Add(id, false, std::move(expected), fmt::format("not available: {}", why));
  }

  // Whether there are rows and every one passed.
  bool AllPassed() const {
    return !rows_.empty() && std::ranges::all_of(rows_, &Check<Id>::passed);
  }
  // Ends the collection.
  std::vector<Check<Id>> Take() { return std::move(rows_); }

 private:
  std::vector<Check<Id>> rows_;
};

// The first row that failed, or null.
template <typename Id>
const Check<Id>* FirstFailed(const std::vector<Check<Id>>& rows) {
  const auto found = std::ranges::find(rows, false, &Check<Id>::passed);
  return found == rows.end() ? nullptr : &*found;
}

// "<what>: <name>: expected <...>, got <...>; <advice>".
template <typename Id>
std::string DescribeFailure(std::string_view what, const Check<Id>& row) {
  return fmt::format("{}: {}: expected {}, got {}{}{}", what, ToString(row.id),
                     row.expected, row.got, row.advice.empty() ? "" : "; ",
                     row.advice);
}

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TPM_CHECK_ROWS_H_
