// SPDX-License-Identifier: Apache-2.0
#include "attestation/gcp/ak_certificate.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "attestation/tpm/certificate_link.h"
#include "attestation/tpm/chain_revocation.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr size_t kMaxCandidates = 32;
constexpr size_t kMaxChain = 4;
constexpr size_t kMaxSignatures = 8;

// Finds a way from a leaf to a pinned root. For one use.
class ChainBuilder final {
 public:
  ChainBuilder(std::span<const crypto::Certificate> candidates,
               const std::vector<crypto::Sha256Digest>& roots)
      : candidates_(
            candidates.first(std::min(candidates.size(), kMaxCandidates))),
        roots_(roots) {}

  // The certificates above `leaf`, its issuer first, the root last.
  // UNAUTHENTICATED saying how far it came.
  absl::StatusOr<std::vector<const crypto::Certificate*>> Build(
      const crypto::Certificate& leaf) {
    if (Climb(leaf, 0)) {
      return chain_;
    }
    return Unauthenticated(fmt::format(
        "no way from \"{}\" to a pinned root among {} certificates, {} "
        "signatures tried{}{}",
        leaf.Subject(), candidates_.size(), signatures_,
        problem_.empty() ? "" : "; last: ", problem_));
  }

 private:
  bool IsPinned(const crypto::Certificate& certificate) const {
    return std::ranges::find(roots_, certificate.SpkiFingerprint()) !=
           roots_.end();
  }

  // Extends chain_ from `subject`, which has `cas_below` CAs under it.
  bool Climb(const crypto::Certificate& subject, size_t cas_below) {
    if (cas_below >= kMaxChain - 1) {
      return false;
    }
    for (const bool fitting : {true, false}) {
      for (const crypto::Certificate& issuer : candidates_) {
        if (Fits(issuer, subject) == fitting &&
            TryIssuer(issuer, subject, cas_below)) {
          return true;
        }
      }
    }
    return false;
  }

  // Whether the key identifiers say that `issuer` is the one.
  static bool Fits(const crypto::Certificate& issuer,
                   const crypto::Certificate& subject) {
    const auto wanted = AuthorityKeyId(subject);
    return !wanted.empty() && std::ranges::equal(wanted, SubjectKeyId(issuer));
  }

  // One step: cheap checks first, signatures are counted. Whether an issuer is
  // pinned is asked after its signature over `subject` has verified.
  bool TryIssuer(const crypto::Certificate& issuer,
                 const crypto::Certificate& subject, size_t cas_below) {
    if (!std::ranges::equal(issuer.subject_name(), subject.issuer_name())) {
      return false;
    }
    absl::Status status = CheckMayIssue(issuer, subject, cas_below);
    if (status.ok() && signatures_ == kMaxSignatures) {
      status = FailedPrecondition("too many signatures to try");
    }
    if (status.ok()) {
      ++signatures_;
      status = subject.VerifySignedBy(issuer);
    }
    if (!status.ok()) {
      problem_ = std::string(Message(status));
      return false;
    }
    chain_.push_back(&issuer);
    if (IsPinned(issuer) || Climb(issuer, cas_below + 1)) {
      return true;
    }
    chain_.pop_back();
    return false;
  }

  const std::span<const crypto::Certificate> candidates_;
  const std::vector<crypto::Sha256Digest>& roots_;
  std::vector<const crypto::Certificate*> chain_;
  size_t signatures_ = 0;
  std::string problem_;
};

}  // namespace

std::string_view ToString(GcpCertificateCheckId id) {
  switch (id) {
    case GcpCertificateCheckId::kCertificate:
      return "AK certificate";
    case GcpCertificateCheckId::kLeaf:
      return "use";
    case GcpCertificateCheckId::kChain:
      return "chain";
    case GcpCertificateCheckId::kValidity:
      return "validity";
    case GcpCertificateCheckId::kExtensions:
      return "extensions";
    case GcpCertificateCheckId::kRevocation:
      return "revocation";
    case GcpCertificateCheckId::kInstance:
      return "instance";
  }
  return "unknown";
}

// Holds what the checks share.
class GcpCertificateChecker final {
 public:
  GcpCertificateChecker(std::span<const uint8_t> leaf,
                        std::span<const crypto::Certificate> candidates,
                        const GcpTrust& trust)
      : trust_(trust),
        leaf_(crypto::Certificate::FromDer(leaf)),
        chain_(InvalidArgument("no certificate")) {
    if (leaf_.ok()) {
      chain_ = ChainBuilder(candidates, trust.roots).Build(*leaf_);
    }
  }

  // Every row is made, also after one failed; without a leaf there is nothing
  // to make them of.
  GcpCertificateVerification Run() {
    using Id = GcpCertificateCheckId;
    rows_.AddStatus(Id::kCertificate, leaf_.status(), "an X.509 certificate");
    if (!leaf_.ok()) {
      for (const Id id : {Id::kLeaf, Id::kChain, Id::kValidity, Id::kExtensions,
                          Id::kRevocation, Id::kInstance}) {
        rows_.AddUnavailable(id, "as Google issues them", "no certificate");
      }
      return Finish(std::nullopt);
    }
    rows_.AddStatus(Id::kLeaf, CheckSigningLeaf(*leaf_),
                    "for signatures, no CA",
                    "this is not an attestation key's certificate (an "
                    "endorsement key's is for encryption)");
    rows_.AddStatus(Id::kChain, chain_.status(), "to a pinned root of Google",
                    "add Google's intermediate and root to the evidence or "
                    "the collateral");
    absl::Status validity = leaf_->CheckValidAt(trust_.now);
    absl::Status extensions = CheckCriticalExtensions(*leaf_);
    if (chain_.ok()) {
      for (const crypto::Certificate* ca : *chain_) {
        validity.Update(ca->CheckValidAt(trust_.now));
        extensions.Update(CheckCriticalExtensions(*ca));
      }
    }
    rows_.AddStatus(Id::kValidity, validity, "valid now",
                    "renew the certificate, or check this machine's clock");
    rows_.AddStatus(Id::kExtensions, extensions, "understood");
    CheckRevocation();
    absl::StatusOr<GceInstance> instance = GceInstanceOfUnverified(*leaf_);
    rows_.AddStatus(Id::kInstance, instance.status(), "named");
    if (!rows_.AllPassed()) {
      return Finish(std::nullopt);
    }
    VerifiedGcpAk ak;
    ak.spki_ = leaf_->Spki();
    ak.instance_ = *std::move(instance);
    return Finish(std::move(ak));
  }

 private:
  // Without lists the row says so and passes, unless they are demanded. With
  // lists but without a chain nobody knows whose they are.
  void CheckRevocation() {
    using Id = GcpCertificateCheckId;
    const std::string expected = "in no list of its issuer";
    if (!chain_.ok() && (trust_.require_crls || !trust_.crls.empty())) {
      rows_.AddUnavailable(Id::kRevocation, expected, "no chain");
      return;
    }
    std::vector<const crypto::Certificate*> chain = {&*leaf_};
    if (chain_.ok()) {
      chain.insert(chain.end(), chain_->begin(), chain_->end());
    }
    RevocationRow row = JudgeChainRevocation(chain, trust_.crls, trust_.now,
                                             trust_.require_crls);
    rows_.Add(Id::kRevocation, row.passed, expected, std::move(row.got),
              "if it is revoked, refuse the node: Google no longer vouches for "
              "the machine's vTPM or its authority; if a list is old or "
              "missing, fetch it (constellation collateral fetch)");
    if (!row.checked) {
      rows_.MarkNotChecked();
    }
  }

  GcpCertificateVerification Finish(std::optional<VerifiedGcpAk> ak) {
    return {.checks = rows_.Take(), .ak = std::move(ak)};
  }

  const GcpTrust& trust_;
  const absl::StatusOr<crypto::Certificate> leaf_;
  absl::StatusOr<std::vector<const crypto::Certificate*>> chain_;
  CheckRows<GcpCertificateCheckId> rows_;
};

GcpCertificateVerification CheckGcpAkCertificate(
    std::span<const uint8_t> leaf,
    std::span<const crypto::Certificate> candidates, const GcpTrust& trust) {
  return GcpCertificateChecker(leaf, candidates, trust).Run();
}

absl::StatusOr<VerifiedGcpAk> VerifyGcpAkCertificate(
    std::span<const uint8_t> leaf,
    std::span<const crypto::Certificate> candidates, const GcpTrust& trust) {
  GcpCertificateVerification result =
      CheckGcpAkCertificate(leaf, candidates, trust);
  if (result.ak.has_value()) {
    return *std::move(result.ak);
  }
  const GcpCertificateCheck* failed = FirstFailed(result.checks);
  if (failed == nullptr) {
    return Internal("gcp: no check failed, yet nothing was verified");
  }
  const std::string message = DescribeFailure("gcp", *failed);
  switch (failed->id) {
    case GcpCertificateCheckId::kCertificate:
      return InvalidArgument(message);
    case GcpCertificateCheckId::kValidity:
      return FailedPrecondition(message);
    default:
      return Unauthenticated(message);
  }
}

}  // namespace constellation::attestation
