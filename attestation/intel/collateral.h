// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_INTEL_COLLATERAL_H_
#define CONSTELLATION_ATTESTATION_INTEL_COLLATERAL_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attestation/intel/check.h"
#include "attestation/intel/enclave_identity.h"
#include "attestation/intel/pck_chain.h"
#include "attestation/intel/tcb_info.h"
#include "attestation/intel/trust_anchors.h"
#include "common/hex.h"

namespace constellation::attestation {

// What Intel's Provisioning Certification Service says about one kind of
// platform, as it answers or as caching servers store it. Hostile until
// verified.
struct IntelCollateral {
  std::string tcb_info;                // JSON, with signature
  std::string enclave_identity;        // JSON, with signature
  std::string tcb_signing_chain;       // PEM, any order
  std::string enclave_identity_chain;  // PEM; empty: tcb_signing_chain
  Bytes pck_crl;                       // DER, PEM or hex
  Bytes root_crl;                      // DER, PEM or hex
  // PEM or DER; the CA that issued the PCK CRL. Optional: the quote's chain has
  // it too.
  Bytes pck_crl_issuer_chain;
  // PEM or DER; for quotes that carry no chain. Optional.
  Bytes pck_chain;
};

// Collateral whose signatures end at a trust anchor, and which was in date when
// it was checked. CheckIntelCollateral() alone makes one. Reusable for any
// number of quotes; its dates are judged again at every use. Immutable,
// thread-safe, cheap to copy.
class VerifiedIntelCollateral final {
 public:
  // The documents and lists, parsed.
  const TcbInfo& tcb_info() const { return state_->tcb_info; }
  const EnclaveIdentity& enclave_identity() const { return state_->identity; }
  const crypto::RevocationList& root_crl() const { return *state_->root_crl; }
  const crypto::RevocationList& pck_crl() const { return *state_->pck_crl; }
  // SHA-256 of the PCK CRL's DER.
  const crypto::Sha256Digest& pck_crl_fingerprint() const {
    return state_->pck_crl_fingerprint;
  }
  // SPKI of the CA that was found to have signed the PCK CRL, if the collateral
  // came with its certificate.
  const std::optional<crypto::Sha256Digest>& pck_crl_signer() const {
    return state_->pck_crl_signer;
  }
  // The anchor that every signature ends at.
  const IntelRoot& root() const { return *state_->root; }
  // As IntelCollateral::pck_chain, unverified.
  const Bytes& pck_chain() const { return state_->pck_chain; }
  // The lower one of the evaluation data numbers of its two documents.
  uint32_t evaluation_data_number() const;

  // The time in which everything in it is valid: from the latest beginning to
  // the earliest end. Fetch again before the end.
  absl::Time not_before() const { return state_->not_before; }
  absl::Time expires_at() const { return state_->not_after; }

  // FAILED_PRECONDITION naming the first part that is not valid at `now`. TCB
  // info, identity and CRLs may be older than they say by `grace`; the
  // certificate may not.
  absl::Status CheckDatesAt(absl::Time now, absl::Duration grace) const;

 private:
  friend class IntelCollateralChecker;
  struct State {
    TcbInfo tcb_info;
    EnclaveIdentity identity;
    std::vector<crypto::Certificate> signers;  // one, or one per document
    std::optional<crypto::RevocationList> root_crl;
    std::optional<crypto::RevocationList> pck_crl;
    crypto::Sha256Digest pck_crl_fingerprint{};
    std::optional<crypto::Sha256Digest> pck_crl_signer;
    std::optional<IntelRoot> root;
    Bytes pck_chain;
    absl::Time not_before;
    absl::Time not_after;
  };
  explicit VerifiedIntelCollateral(std::shared_ptr<const State> state)
      : state_(std::move(state)) {}
  // shared_ptr: immutable, so copies may share it.
  std::shared_ptr<const State> state_;
};

// Every check with its result; `collateral` only if all passed.
struct IntelCollateralVerification {
  std::vector<IntelCheck> checks;
  std::optional<VerifiedIntelCollateral> collateral;
};

// Makes the checks of collateral (IntelCheckId, first group), also after one
// failed. Documents may be older than they say by `grace`, none by default.
// Whether they suit a quote is not known here. Pure.
IntelCollateralVerification CheckIntelCollateral(
    const IntelCollateral& collateral, const IntelTrustAnchors& anchors,
    absl::Time now, absl::Duration grace = absl::ZeroDuration());

// The same for who wants a Status, as FirstFailure().
absl::StatusOr<VerifiedIntelCollateral> VerifyIntelCollateral(
    const IntelCollateral& collateral, const IntelTrustAnchors& anchors,
    absl::Time now, absl::Duration grace = absl::ZeroDuration());

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_INTEL_COLLATERAL_H_
