// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_SGX_SGX_QUOTE_H_
#define CONSTELLATION_ATTESTATION_SGX_SGX_QUOTE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "attestation/intel/check.h"
#include "attestation/intel/collateral.h"
#include "attestation/intel/quote_verifier.h"
#include "attestation/intel/report_body.h"
#include "attestation/intel/tcb_policy.h"
#include "attestation/intel/trust_anchors.h"

namespace constellation::attestation {

// What a policy demands of an enclave. MRENCLAVE names one build; MRSIGNER
// names its maker, and then product and minimum version must be there, too. One
// of both ways must be there. Plain values.
struct SgxPolicy {
  IntelTcbPolicy tcb;
  std::optional<IntelReportData> report_data;  // must be there: freshness
  std::vector<EnclaveMeasurement> mr_enclave;
  std::vector<EnclaveMeasurement> mr_signer;
  std::optional<uint16_t> isv_prod_id;
  std::optional<uint16_t> minimum_isv_svn;
  // A debug enclave's memory is open to the host.
  bool allow_debug = false;
};

// An enclave that a policy accepts, from a genuine quote. Only CheckSgxQuote()
// makes one, so a parameter of this type is the proof.
class VerifiedSgxQuote final {
 public:
  // Measurements and attributes, all authenticated.
  const EnclaveReport& report() const {
    return *quote_.quote().enclave_report();
  }
  // The genuine quote, its TCB and its chain.
  const VerifiedIntelQuote& quote() const { return quote_; }

 private:
  friend class SgxQuoteChecker;
  explicit VerifiedSgxQuote(VerifiedIntelQuote quote)
      : quote_(std::move(quote)) {}
  VerifiedIntelQuote quote_;
};

// Every check with its result; `quote` only if all passed.
struct SgxQuoteVerification {
  std::vector<IntelCheck> checks;
  std::optional<TcbEvaluation> evaluation_unverified;
  std::optional<VerifiedSgxQuote> quote;
};

// Makes the checks of CheckIntelQuote(), then those of the policy, also after
// one failed. The policy's grace period replaces that of `options`.
SgxQuoteVerification CheckSgxQuote(std::span<const uint8_t> quote,
                                   const VerifiedIntelCollateral& collateral,
                                   const IntelTrustAnchors& anchors,
                                   const IntelVerificationOptions& options,
                                   const SgxPolicy& policy);

// The same for who wants a Status, as FirstFailure().
absl::StatusOr<VerifiedSgxQuote> VerifySgxQuote(
    std::span<const uint8_t> quote, const VerifiedIntelCollateral& collateral,
    const IntelTrustAnchors& anchors, const IntelVerificationOptions& options,
    const SgxPolicy& policy);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_SGX_SGX_QUOTE_H_
