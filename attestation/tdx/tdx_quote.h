// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TDX_TDX_QUOTE_H_
#define CONSTELLATION_ATTESTATION_TDX_TDX_QUOTE_H_

#include <array>
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

// What a policy demands of a TD. A list holds the values that are good; an
// empty one is not compared, where it may be empty. Plain values.
struct TdxPolicy {
  IntelTcbPolicy tcb;
  std::vector<IntelMeasurement> mr_td;         // must be there
  std::optional<IntelReportData> report_data;  // must be there: freshness
  std::vector<IntelMeasurement> mr_seam;
  std::vector<IntelMeasurement> mr_signer_seam;
  std::array<std::vector<IntelMeasurement>, 4> rtmr;
  std::vector<IntelMeasurement> mr_config_id;
  std::vector<IntelMeasurement> mr_owner;
  std::vector<IntelMeasurement> mr_owner_config;
  // Extended features of the CPU that the TD may use, exactly.
  std::vector<uint64_t> xfam;
  // A debug TD's memory is open to the host.
  bool allow_debug = false;
  // With it the TD sees, as a fault, that the host took a page away; without
  // it the host can make the guest's handler run (so Intel's guest hardening
  // guide demands it).
  bool require_sept_ve_disable = true;
  // A migratable TD's state may leave the machine, as its service TD decides.
  bool allow_migratable = false;
};

// A TD that a policy accepts, from a genuine quote. Only CheckTdxQuote() makes
// one, so a parameter of this type is the proof.
class VerifiedTdxQuote final {
 public:
  // Measurements and attributes, all authenticated.
  const TdReport& report() const { return *quote_.quote().td_report(); }
  // The genuine quote, its TCB and its chain.
  const VerifiedIntelQuote& quote() const { return quote_; }

 private:
  friend class TdxQuoteChecker;
  explicit VerifiedTdxQuote(VerifiedIntelQuote quote)
      : quote_(std::move(quote)) {}
  VerifiedIntelQuote quote_;
};

// Every check with its result; `quote` only if all passed.
struct TdxQuoteVerification {
  std::vector<IntelCheck> checks;
  std::optional<TcbEvaluation> evaluation_unverified;
  std::optional<VerifiedTdxQuote> quote;
};

// Makes the checks of CheckIntelQuote(), then those of the policy, also after
// one failed. Values of a quote that is not genuine are compared as well, for
// the report's sake. The policy's grace period replaces that of `options`.
TdxQuoteVerification CheckTdxQuote(std::span<const uint8_t> quote,
                                   const VerifiedIntelCollateral& collateral,
                                   const IntelTrustAnchors& anchors,
                                   const IntelVerificationOptions& options,
                                   const TdxPolicy& policy);

// The same for who wants a Status, as FirstFailure().
absl::StatusOr<VerifiedTdxQuote> VerifyTdxQuote(
    std::span<const uint8_t> quote, const VerifiedIntelCollateral& collateral,
    const IntelTrustAnchors& anchors, const IntelVerificationOptions& options,
    const TdxPolicy& policy);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TDX_TDX_QUOTE_H_
