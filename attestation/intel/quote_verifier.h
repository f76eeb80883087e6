// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_INTEL_QUOTE_VERIFIER_H_
#define CONSTELLATION_ATTESTATION_INTEL_QUOTE_VERIFIER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attestation/intel/check.h"
#include "attestation/intel/collateral.h"
#include "attestation/intel/pck_chain.h"
#include "attestation/intel/quote.h"
#include "attestation/intel/report_body.h"
#include "attestation/intel/tcb_evaluation.h"
#include "attestation/intel/trust_anchors.h"
#include "attestation/intel/verification_cache.h"

namespace constellation::attestation {

// When and how to verify.
struct IntelVerificationOptions {
  absl::Time now;
  // How long documents of the collateral count after their nextUpdate.
  absl::Duration collateral_grace = absl::ZeroDuration();
  // May be null. Only makes it faster.
  IntelVerificationCache* cache = nullptr;
  // PEM or DER, for quotes without a chain; else the collateral's is used.
  std::span<const uint8_t> pck_chain = {};
};

// A quote whose signatures end at a trust anchor with certificates that are in
// date. Only the checker makes one. Nothing is known about revocation and about
// the TCB, nothing was compared with a policy: not enough to trust the machine.
// Immutable; thread-safe.
class AuthenticatedIntelQuote final {
 public:
  // Kind of TEE, and version of the quote's format (3 to 5).
  IntelTee tee() const { return td_ ? IntelTee::kTdx : IntelTee::kSgx; }
  uint16_t version() const { return version_; }
  // The body: one of both is null.
  const TdReport* td_report() const { return td_ ? &*td_ : nullptr; }
  const EnclaveReport* enclave_report() const {
    return enclave_ ? &*enclave_ : nullptr;
  }
  // Of the quoting enclave.
  const EnclaveReport& qe_report() const { return qe_report_; }
  // The platform: its extension, its chain, the anchor.
  const PckExtension& pck() const { return chain_->extension(); }
  const VerifiedPckChain& chain() const { return *chain_; }
  const IntelRoot& root() const { return chain_->root(); }
  // How many bytes lay behind the quote. They are not authenticated.
  size_t trailing_size() const { return trailing_size_; }

 private:
  friend class IntelQuoteChecker;
  AuthenticatedIntelQuote() = default;
  uint16_t version_ = 0;
  std::optional<TdReport> td_;
  std::optional<EnclaveReport> enclave_;
  EnclaveReport qe_report_;
  // shared_ptr: the cache may hold it, too.
  std::shared_ptr<const VerifiedPckChain> chain_;
  size_t trailing_size_ = 0;
};

// A genuine quote of a platform whose TCB is known from Intel's collateral, and
// whose certificates are not revoked. Only CheckIntelQuote() makes one. Its TCB
// may be out of date, it may be a debug TD, it may measure anything: compare it
// with a policy (CheckTdxQuote(), CheckSgxQuote()).
class VerifiedIntelQuote final {
 public:
  // Body and chain.
  const AuthenticatedIntelQuote& quote() const { return quote_; }
  // What Intel says about its TCB.
  const TcbEvaluation& tcb() const { return tcb_; }
  // Of the collateral that said so: the lower one of both documents.
  uint32_t evaluation_data_number() const { return evaluation_data_number_; }
  // When the first certificate or document that this rests on ends.
  absl::Time expires_at() const { return expires_at_; }

 private:
  friend class IntelQuoteChecker;
  VerifiedIntelQuote(AuthenticatedIntelQuote quote, TcbEvaluation tcb,
                     uint32_t evaluation_data_number, absl::Time expires_at)
      : quote_(std::move(quote)),
        tcb_(std::move(tcb)),
        evaluation_data_number_(evaluation_data_number),
        expires_at_(expires_at) {}
  AuthenticatedIntelQuote quote_;
  TcbEvaluation tcb_;
  uint32_t evaluation_data_number_;
  absl::Time expires_at_;
};

// Every check of CheckIntelQuoteChain() with its result.
struct IntelChainVerification {
  std::vector<IntelCheck> checks;
  std::optional<AuthenticatedIntelQuote> quote;  // only if all passed
};
// Every check of CheckIntelQuote() with its result. `evaluation_unverified` is
// what the TCB comparison gave, of a quote that need not be genuine: for
// reports, never for trust.
struct IntelQuoteVerification {
  std::vector<IntelCheck> checks;
  std::optional<TcbEvaluation> evaluation_unverified;
  std::optional<VerifiedIntelQuote> quote;  // only if all passed
};

// Checks format, signatures, chain and certificate dates of a quote of version
// 3 to 5, also after one failed. Pure but for the cache.
IntelChainVerification CheckIntelQuoteChain(
    std::span<const uint8_t> quote, const IntelTrustAnchors& anchors,
    const IntelVerificationOptions& options);

// The same, then dates of the collateral, revocation and TCB.
IntelQuoteVerification CheckIntelQuote(
    std::span<const uint8_t> quote, const VerifiedIntelCollateral& collateral,
    const IntelTrustAnchors& anchors, const IntelVerificationOptions& options);

// The same for who wants a Status, as FirstFailure().
absl::StatusOr<VerifiedIntelQuote> VerifyIntelQuote(
    std::span<const uint8_t> quote, const VerifiedIntelCollateral& collateral,
    const IntelTrustAnchors& anchors, const IntelVerificationOptions& options);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_INTEL_QUOTE_VERIFIER_H_
