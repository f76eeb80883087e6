// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_VERIFY_VERIFY_REPORT_H_
#define CONSTELLATION_CLI_VERIFY_VERIFY_REPORT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "attestation/policy/appraisal.h"

namespace constellation::cli {

// kUnchecked: no evidence could be had. Ordered from good to bad; a cluster's
// verdict is the worst of its nodes'.
enum class Verdict { kVerified, kUnchecked, kRefused };

std::string_view VerdictName(Verdict verdict);  // verified, unchecked, refused

// Everything that was found out about one node.
struct NodeReport {
  std::string name;
  std::string role;
  std::string source;  // "relay by <node>", "direct", or empty
  std::string profile;
  std::string rests_on;
  Verdict verdict = Verdict::kUnchecked;
  std::vector<attestation::CheckRow> rows;
  // The four requirements of a confidential cloud, answered from its evidence;
  // empty without evidence.
  std::vector<attestation::TcbAnswer> tcb_report;
};

// The answer to "is every node of my cluster what it must be?".
struct VerifyReport {
  Verdict verdict = Verdict::kUnchecked;
  std::string cluster_id;  // hex
  std::string nonce;       // hex
  absl::Time time;
  std::vector<NodeReport> nodes;
  // Whether a relay told which machines the API server lists. If not, one that
  // the owner never admitted was not looked for; no verdict by itself.
  bool relayed = true;
  std::vector<std::string> relay_errors;  // "<relay>: <reason>"

  // The verdict and what it rests on; if verified, also what it leaves open.
  std::string Summary() const;
  // For standard error, whatever the format: what was not looked at because no
  // node could relay, and why. Empty if a node could. May quote the network:
  // for a terminal it needs Printable().
  std::string Warning() const;
};

// For people: one row per check. Long values are cut unless they differ.
std::string RenderTable(const VerifyReport& report);
// For machines; docs/formats/verify-report.md.
std::string RenderJson(const VerifyReport& report);
// One test suite per node, one test case per check: what CI systems read.
std::string RenderJunit(const VerifyReport& report);

// OK if verified; a refusal (exit code 2) if a node was refused; else
// UNAVAILABLE (exit code 1).
absl::Status ToStatus(const VerifyReport& report);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_VERIFY_VERIFY_REPORT_H_
