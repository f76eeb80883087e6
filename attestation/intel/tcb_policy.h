// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_INTEL_TCB_POLICY_H_
#define CONSTELLATION_ATTESTATION_INTEL_TCB_POLICY_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "attestation/intel/check.h"
#include "attestation/intel/quote_verifier.h"
#include "attestation/intel/tcb_status.h"
#include "crypto/hash.h"

namespace constellation::attestation {

// What a policy says about platforms, whatever runs on them. Plain values.
struct IntelTcbPolicy {
  // Must be there: at least one. Revoked and NotSupported cannot be accepted.
  std::vector<TcbStatus> accepted_statuses;
  // Must be there: Intel raises the number at every TCB recovery, so that old
  // collateral cannot make old firmware look up to date.
  std::optional<uint32_t> minimum_evaluation_data_number;
  // Advisories that are known and lived with. Others refuse.
  std::vector<std::string> accepted_advisories;
  bool accept_any_advisory = false;
  // How long after nextUpdate documents still count.
  absl::Duration collateral_grace = absl::ZeroDuration();
  // SPKI fingerprints of roots other than Intel's that quotes may end at. For
  // tests: whoever has such a root's key can make any quote.
  std::vector<crypto::Sha256Digest> insecure_roots;
};

// Adds the rows about root, TCB status, advisories and evaluation data number.
// A null `quote` gives rows that say that there is none.
void CheckTcbPolicy(const IntelTcbPolicy& policy,
                    const VerifiedIntelQuote* quote, IntelCheckList& rows);

// What is missing in `policy`, in words; empty if nothing is.
std::vector<std::string> MissingInTcbPolicy(const IntelTcbPolicy& policy);
// The row kPolicyComplete.
void CheckPolicyComplete(const std::vector<std::string>& missing,
                         IntelCheckList& rows);

// Adds a row: `got` is one of `wanted`. `name` is the policy's key, for the
// fix. No row if `wanted` is empty: the policy does not compare it.
void CheckMeasurement(IntelCheckId id, std::string_view name,
                      const std::vector<std::span<const uint8_t>>& wanted,
                      std::span<const uint8_t> got, IntelCheckList& rows);

// The spans of `values`, which must outlive them.
template <typename T>
std::vector<std::span<const uint8_t>> SpansOf(const std::vector<T>& values) {
  return {values.begin(), values.end()};
}

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_INTEL_TCB_POLICY_H_
