// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/collateral.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "attestation/intel/tcb_signer.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr std::string_view kRefetch =
    "fetch the collateral again (constellation collateral fetch), or check "
    "this machine's clock";
constexpr std::string_view kDamaged =
    "the collateral is damaged or forged: fetch it again from Intel";

// RFC 5280 demands nextUpdate; a list without it would never go stale.
absl::Status CheckCrlWindow(std::string_view what,
                            const crypto::RevocationList& list, absl::Time now,
                            absl::Duration grace) {
  const std::optional<absl::Time> next = list.NextUpdate();
  if (!next.has_value()) {
    return FailedPrecondition(fmt::format("{}: it names no end", what));
  }
  return CheckDateWindow(what, list.ThisUpdate(), *next, now, grace);
}

// A document, where its signature is, and its meaning.
template <typename T>
struct Signed {
  absl::StatusOr<SignedJsonUnverified> document;
  absl::StatusOr<T> parsed;
};

// Reads the envelope and, in the same pass, the inner object.
template <typename T, typename Reader>
Signed<T> ParseSigned(std::string_view text, std::string_view name,
                      Reader read) {
  T parsed;
  absl::StatusOr<SignedJsonUnverified> document = ParseSignedJsonUnverified(
      text, name, [&](JsonScanner& scanner) -> absl::Status {
        ASSIGN_OR_RETURN(parsed, read(scanner));
        return absl::OkStatus();
      });
  const absl::Status status = document.status();
  return {.document = std::move(document),
          .parsed = status.ok() ? absl::StatusOr<T>(std::move(parsed))
                                : absl::StatusOr<T>(status)};
}

}  // namespace

// The lower one, so that a new TCB info cannot hide an old enclave identity.
uint32_t VerifiedIntelCollateral::evaluation_data_number() const {
  return std::min(tcb_info().evaluation_data_number,
                  enclave_identity().evaluation_data_number);
}

// Asked again with every quote: verified collateral may be kept for days. Grace
// is for documents and lists; certificates have none.
absl::Status VerifiedIntelCollateral::CheckDatesAt(absl::Time now,
                                                   absl::Duration grace) const {
  RETURN_IF_ERROR(CheckDateWindow("TCB info", tcb_info().issue_date,
                                  tcb_info().next_update, now, grace));
  RETURN_IF_ERROR(CheckDateWindow("enclave identity",
                                  enclave_identity().issue_date,
                                  enclave_identity().next_update, now, grace));
  RETURN_IF_ERROR(CheckCrlWindow("root CRL", root_crl(), now, grace));
  RETURN_IF_ERROR(CheckCrlWindow("PCK CRL", pck_crl(), now, grace));
  for (const crypto::Certificate& signer : state_->signers) {
    RETURN_IF_ERROR(signer.CheckValidAt(now));
  }
  return root().certificate.CheckValidAt(now);
}

// Holds what the checks share: everything parsed once.
class IntelCollateralChecker final {
 public:
  IntelCollateralChecker(const IntelCollateral& collateral,
                         const IntelTrustAnchors& anchors, absl::Time now,
                         absl::Duration grace)
      : collateral_(collateral),
        anchors_(anchors),
        now_(now),
        grace_(grace),
        tcb_info_(ParseSigned<TcbInfo>(collateral.tcb_info, "tcbInfo",
                                       ReadTcbInfoUnverified)),
        identity_(ParseSigned<EnclaveIdentity>(collateral.enclave_identity,
                                               "enclaveIdentity",
                                               ReadEnclaveIdentityUnverified)),
        signer_(FindTcbSigner(collateral.tcb_signing_chain, anchors, now)),
        identity_signer_(collateral.enclave_identity_chain.empty()
                             ? signer_
                             : FindTcbSigner(collateral.enclave_identity_chain,
                                             anchors, now)),
        root_crl_(ParseCrlUnverified(collateral.root_crl)),
        pck_crl_(ParseCrlUnverified(collateral.pck_crl)) {}

  IntelCollateralVerification Run() {
    CheckFormats();
    CheckSigners();
    CheckDocument(IntelCheckId::kTcbInfoSignature, tcb_info_.document, signer_);
    CheckDocument(IntelCheckId::kEnclaveIdentitySignature, identity_.document,
                  identity_signer_);
    CheckRootCrl();
    CheckPckCrl();
    CheckSignerRevocation();
    IntelCollateralVerification result;
    result.collateral = CheckDates();
    if (!rows_.AllPassed()) {
      result.collateral.reset();
    }
    result.checks = rows_.Take();
    return result;
  }

 private:
  // Damaged text is another fault than a wrong signature, so it has its own
  // rows.
  void CheckFormats() {
    rows_.AddStatus(IntelCheckId::kTcbInfoFormat, tcb_info_.parsed.status(),
                    "TCB info of version 2 or 3", kDamaged);
    rows_.AddStatus(IntelCheckId::kEnclaveIdentityFormat,
                    identity_.parsed.status(), "enclave identity of version 2",
                    kDamaged);
  }

  // Both documents must end at one root: collateral is a whole.
  void CheckSigners() {
    absl::Status status = signer_.status();
    if (status.ok()) {
      status = identity_signer_.status();
    }
    if (status.ok() && signer_->root != identity_signer_->root) {
      status = Unauthenticated("the two documents end at different roots");
    }
    rows_.AddStatus(IntelCheckId::kTcbSigningChain, status,
                    "\"Intel SGX TCB Signing\", issued by a trusted root",
                    "use Intel's own collateral, or name its root in the "
                    "policy if you run a test platform");
  }

  // The signature over one document's exact text.
  void CheckDocument(IntelCheckId id,
                     const absl::StatusOr<SignedJsonUnverified>& document,
                     const absl::StatusOr<TcbSigner>& signer) {
    const std::string expected = "by the TCB signing key over the exact text";
    if (!document.ok() || !signer.ok()) {
      rows_.AddUnavailable(id, expected,
                           document.ok() ? "no trusted signer" : "no document");
      return;
    }
    rows_.AddStatus(id, VerifySignedJson(*document, signer->certificate),
                    expected, kDamaged);
  }

  // The root CRL decides about PCK CAs and about the signing certificate.
  void CheckRootCrl() {
    const std::string expected = "signed by the root that issued the signer";
    if (!signer_.ok()) {
      rows_.AddUnavailable(IntelCheckId::kRootCrl, expected,
                           "no trusted signer");
      return;
    }
    const IntelRoot& root = *signer_->root;
    rows_.AddStatus(
        IntelCheckId::kRootCrl,
        root_crl_.ok()
            ? VerifyCrl(*root_crl_, root.certificate.subject_name(), root.key)
            : root_crl_.status(),
        expected, kDamaged);
  }

  // Without the CA's certificate the signature is checked with that of the
  // quote.
  void CheckPckCrl() {
    const bool with_issuer = !collateral_.pck_crl_issuer_chain.empty();
    absl::Status status = pck_crl_.status();
    if (status.ok() && with_issuer) {
      status = VerifyPckCrl();
    }
    rows_.AddStatus(IntelCheckId::kPckCrl, status,
                    with_issuer ? "signed by a CA of the trusted root"
                                : "a CRL (its signer is in the quote)",
                    kDamaged);
  }

  // The CA is known by the list's issuer name and must be the root's.
  absl::Status VerifyPckCrl() {
    ASSIGN_OR_RETURN(
        const std::vector<crypto::Certificate> certificates,
        ParseCertificatesUnverified(collateral_.pck_crl_issuer_chain));
    for (const crypto::Certificate& certificate : certificates) {
      if (!std::ranges::equal(certificate.subject_name(),
                              pck_crl_->issuer_name())) {
        continue;
      }
      RETURN_IF_ERROR(anchors_.IssuerOf(certificate).status());
      ASSIGN_OR_RETURN(const crypto::PublicKey key, certificate.Key());
      RETURN_IF_ERROR(VerifyCrl(*pck_crl_, certificate.subject_name(), key));
      pck_crl_signer_ = certificate.SpkiFingerprint();
      return absl::OkStatus();
    }
    return Unauthenticated("the issuer chain has no certificate of its issuer");
  }

  // Intel could replace its signing key after a theft: then the root's list
  // names the old certificate.
  void CheckSignerRevocation() {
    const std::string expected = "not in the root CRL";
    if (!signer_.ok() || !identity_signer_.ok() || !root_crl_.ok()) {
      rows_.AddUnavailable(IntelCheckId::kTcbSignerRevocation, expected,
                           "no signer or no root CRL");
      return;
    }
    const bool revoked =
        root_crl_->IsRevoked(signer_->certificate.serial()) ||
        root_crl_->IsRevoked(identity_signer_->certificate.serial());
    rows_.Add(IntelCheckId::kTcbSignerRevocation, !revoked, expected,
              revoked ? "revoked" : "as expected", kDamaged);
  }

  // Puts everything together, if there is everything, to judge its dates.
  std::optional<VerifiedIntelCollateral> CheckDates() {
    const std::string expected =
        fmt::format("all parts valid at {}", FormatCollateralTime(now_));
    if (!tcb_info_.parsed.ok() || !identity_.parsed.ok() || !signer_.ok() ||
        !identity_signer_.ok() || !root_crl_.ok() || !pck_crl_.ok()) {
      rows_.AddUnavailable(IntelCheckId::kCollateralDates, expected,
                           "a part is missing");
      return std::nullopt;
    }
    auto state = std::make_shared<VerifiedIntelCollateral::State>();
    state->tcb_info = *std::move(tcb_info_.parsed);
    state->identity = *std::move(identity_.parsed);
    state->signers = {signer_->certificate};
    if (!collateral_.enclave_identity_chain.empty()) {
      state->signers.push_back(identity_signer_->certificate);
    }
    state->root_crl = *root_crl_;
    state->pck_crl = *pck_crl_;
    state->pck_crl_fingerprint = crypto::Sha256(pck_crl_->der());
    state->pck_crl_signer = pck_crl_signer_;
    state->root = *signer_->root;
    state->pck_chain = collateral_.pck_chain;
    SetWindow(*state);
    const VerifiedIntelCollateral whole(std::move(state));
    rows_.AddStatus(IntelCheckId::kCollateralDates,
                    whole.CheckDatesAt(now_, grace_), expected, kRefetch);
    return whole;
  }

  // The intersection of all windows, for whoever schedules the next fetch.
  static void SetWindow(VerifiedIntelCollateral::State& state) {
    const auto or_past = [](const absl::StatusOr<absl::Time>& time) {
      return time.ok() ? *time : absl::InfinitePast();
    };
    state.not_before =
        std::max({state.tcb_info.issue_date, state.identity.issue_date,
                  state.root_crl->ThisUpdate(), state.pck_crl->ThisUpdate()});
    state.not_after =
        std::min({state.tcb_info.next_update, state.identity.next_update,
                  state.root_crl->NextUpdate().value_or(absl::InfinitePast()),
                  state.pck_crl->NextUpdate().value_or(absl::InfinitePast())});
    for (const crypto::Certificate& signer : state.signers) {
      state.not_before =
          std::max(state.not_before, or_past(signer.NotBefore()));
      state.not_after = std::min(state.not_after, or_past(signer.NotAfter()));
    }
  }

  const IntelCollateral& collateral_;
  const IntelTrustAnchors& anchors_;
  absl::Time now_;
  absl::Duration grace_;
  Signed<TcbInfo> tcb_info_;
  Signed<EnclaveIdentity> identity_;
  absl::StatusOr<TcbSigner> signer_;
  absl::StatusOr<TcbSigner> identity_signer_;
  absl::StatusOr<crypto::RevocationList> root_crl_;
  absl::StatusOr<crypto::RevocationList> pck_crl_;
  std::optional<crypto::Sha256Digest> pck_crl_signer_;
  IntelCheckList rows_;
};

IntelCollateralVerification CheckIntelCollateral(
    const IntelCollateral& collateral, const IntelTrustAnchors& anchors,
    absl::Time now, absl::Duration grace) {
  return IntelCollateralChecker(collateral, anchors, now, grace).Run();
}

absl::StatusOr<VerifiedIntelCollateral> VerifyIntelCollateral(
    const IntelCollateral& collateral, const IntelTrustAnchors& anchors,
    absl::Time now, absl::Duration grace) {
  IntelCollateralVerification result =
      CheckIntelCollateral(collateral, anchors, now, grace);
  if (result.collateral.has_value()) {
    return *std::move(result.collateral);
  }
  RETURN_IF_ERROR(FirstFailure(result.checks, "Intel collateral"));
  return Internal("Intel collateral: no check failed, yet nothing verified");
}

}  // namespace constellation::attestation
