// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_ATTESTATION_FILE_REPORT_H_
#define CONSTELLATION_CLI_ATTESTATION_FILE_REPORT_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace constellation::cli {

// kUnchecked: what the check needs was not there. kInfo neither helps nor
// harms: a fact, or a check that was not made because nothing demands it.
// The order counts: later ones are worse, and the worst decides.
enum class RowVerdict { kPassed, kInfo, kUnchecked, kFailed };
// "passed", "info", "unchecked", "FAILED".
std::string_view ToString(RowVerdict verdict);

// One comparison.
struct FileRow {
  std::string layer;  // "SEV-SNP", "quote", "policy", ...
  std::string name;
  std::string expected;
  std::string got;
  RowVerdict verdict = RowVerdict::kFailed;
  std::string advice;  // empty if passed
};

// One piece of evidence, or of collateral that was given as such, with its
// checks.
// A unit is a value: it holds copies, no references to the files.
struct FileUnit {
  std::string name;  // of its file
  std::string what;  // "SEV-SNP report"
  std::vector<FileRow> rows;

  // The worst of its rows; kUnchecked without rows, so that nothing checked is
  // never success.
  RowVerdict verdict() const;
};

// The answer to "are these files genuine, and what the policy demands?".
struct FileReport {
  std::vector<FileUnit> units;
  std::string profile;  // that matched, or came closest; empty without policy
  // Says that only signatures and chains were looked at.
  bool without_policy = false;
  absl::Time time;  // that dates were compared with

  // The worst of its units; kUnchecked without units.
  RowVerdict verdict() const;
  // One sentence.
  std::string Summary() const;
};

// For people. Control characters come out as '?'.
std::string RenderTable(const FileReport& report);
// For machines: docs/formats/attestation-report.md.
std::string RenderJson(const FileReport& report);
// One test suite per unit, one test case per row; unchecked rows are errors,
// failed ones failures, information is skipped.
std::string RenderJunit(const FileReport& report);

// OK if everything was checked and accepted; a refusal (exit code 2) if a row
// failed; else UNAVAILABLE (exit code 1).
// Never OK for a report without units: nothing checked is no success.
absl::Status ToStatus(const FileReport& report);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_ATTESTATION_FILE_REPORT_H_
