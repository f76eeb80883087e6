// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_POLICY_CHECK_ROW_H_
#define CONSTELLATION_ATTESTATION_POLICY_CHECK_ROW_H_

#include <string>
#include <string_view>

namespace constellation::attestation {

enum class CheckVerdict {
  kPassed,
  kFailed,
  // Neither helps nor harms the verdict: a diagnosis, or a check that was not
  // made because nothing demands it.
  kInfo,
};

// "passed", "failed" or "info".
std::string_view ToString(CheckVerdict verdict);

// One comparison. Rows exist for every check of the table, also for those that
// could not be made (kFailed, `got` says why).
struct CheckRow {
  // "evidence", "quote", "tpm", "pcr", "cluster", "profile", "event log";
  // "snp", "tdx", "collateral"; "azure", "gcp", "aws"
  std::string layer;
  std::string name;  // e.g. "signature", "PCR4"; stable, for machines
  std::string expected;
  std::string got;
  CheckVerdict verdict = CheckVerdict::kFailed;
  std::string advice;  // what the owner may do; empty if passed

  bool operator==(const CheckRow&) const = default;
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_POLICY_CHECK_ROW_H_
