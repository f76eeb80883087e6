// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_INTEL_EVALUATION_NUMBERS_H_
#define CONSTELLATION_ATTESTATION_INTEL_EVALUATION_NUMBERS_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attestation/intel/collateral_json.h"
#include "attestation/intel/quote.h"
#include "attestation/intel/trust_anchors.h"

namespace constellation::attestation {

// One TCB recovery of Intel's.
struct TcbEvaluationNumber {
  uint32_t number = 0;
  absl::Time recovery_event_date;  // when it was made public
  absl::Time tcb_date;             // up to date means at least this date
};

// Which TCB evaluation data numbers Intel serves collateral for ("Intel SGX and
// TDX Provisioning Certification Service API", tcbEvaluationDataNumbers):
// tells what a policy's minimum may be, and since when. Plain values.
struct TcbEvaluationNumbers {
  IntelTee tee{};
  absl::Time issue_date;
  absl::Time next_update;
  std::vector<TcbEvaluationNumber> numbers;  // as Intel lists them
};

// Reads the inner object; unknown keys are skipped, known ones must be there.
// INVALID_ARGUMENT names the field. No signature, no date is checked.
absl::StatusOr<TcbEvaluationNumbers> ParseTcbEvaluationNumbersUnverified(
    std::string_view body);

// Reads and verifies the service's answer `text` with `chain` (as
// FindTcbSigner()): signature, the signer's and the document's dates at `now`.
// UNAUTHENTICATED, FAILED_PRECONDITION or INVALID_ARGUMENT otherwise. Pure.
absl::StatusOr<TcbEvaluationNumbers> VerifyTcbEvaluationNumbers(
    std::string_view text, std::string_view chain,
    const IntelTrustAnchors& anchors, absl::Time now);

// The highest number whose recovery event lies at least `age` before `now`:
// what a policy may demand that gives hosts so much time for updates. Nothing
// if there is none.
std::optional<uint32_t> NewestNumberOlderThan(
    const TcbEvaluationNumbers& numbers, absl::Duration age, absl::Time now);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_INTEL_EVALUATION_NUMBERS_H_
