// SPDX-License-Identifier: Apache-2.0
#include "attestation/aws/nitro_verifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "attestation/tpm/certificate_link.h"
#include "attestation/tpm/chain_revocation.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/x509.h"

namespace constellation::attestation {
namespace {

constexpr int64_t kEs384 = -35;  // RFC 9053 section 2.1
constexpr size_t kScalarSize = 48;
constexpr absl::Duration kMaxAhead = absl::Minutes(5);

Bytes Copy(std::span<const uint8_t> octets) {
  return {octets.begin(), octets.end()};
}

std::optional<Bytes> Copy(const std::optional<std::span<const uint8_t>>& o) {
  return o.has_value() ? std::optional<Bytes>(Copy(*o)) : std::nullopt;
}

// Whole seconds, for rows.
std::string Utc(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

using Certificates = std::vector<crypto::Certificate>;

// Root first, the signer's last.
absl::StatusOr<Certificates> ParseCertificates(
    const NitroDocumentUnverified& document) {
  Certificates certificates;
  for (const auto der : document.ca_bundle) {
    ASSIGN_OR_RETURN(crypto::Certificate certificate,
                     crypto::Certificate::FromDer(der));
    certificates.push_back(std::move(certificate));
  }
  ASSIGN_OR_RETURN(crypto::Certificate leaf,
                   crypto::Certificate::FromDer(document.certificate));
  certificates.push_back(std::move(leaf));
  return certificates;
}

// From the root down. The root itself is compared with the pinned one apart.
absl::Status CheckChain(const Certificates& chain) {
  for (size_t i = 0; i + 1 < chain.size(); ++i) {
    // CAs under chain[i]: all behind it but the leaf.
    RETURN_IF_ERROR(
        CheckMayIssue(chain[i], chain[i + 1], chain.size() - 2 - i));
    RETURN_IF_ERROR(chain[i + 1].VerifySignedBy(chain[i]));
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view ToString(NitroCheckId id) {
  switch (id) {
    case NitroCheckId::kEnvelope:
      return "envelope";
    case NitroCheckId::kAlgorithm:
      return "algorithm";
    case NitroCheckId::kDocument:
      return "document";
    case NitroCheckId::kCertificates:
      return "certificates";
    case NitroCheckId::kRoot:
      return "root";
    case NitroCheckId::kChain:
      return "chain";
    case NitroCheckId::kLeaf:
      return "signer's certificate";
    case NitroCheckId::kExtensions:
      return "extensions";
    case NitroCheckId::kAge:
      return "age";
    case NitroCheckId::kValidity:
      return "validity";
    case NitroCheckId::kRevocation:
      return "revocation";
    case NitroCheckId::kSignature:
      return "signature";
    case NitroCheckId::kNonce:
      return "nonce";
  }
  return "unknown";
}

absl::StatusOr<std::vector<crypto::Certificate>> NitroChainUnverified(
    std::span<const uint8_t> cose) {
  ASSIGN_OR_RETURN(const CoseSign1Unverified message,
                   ParseCoseSign1Unverified(cose));
  ASSIGN_OR_RETURN(const NitroDocumentUnverified document,
                   ParseNitroDocumentUnverified(message.payload));
  ASSIGN_OR_RETURN(Certificates chain, ParseCertificates(document));
  std::ranges::reverse(chain);
  return chain;
}

// Holds what the checks share: everything parsed once.
class NitroChecker final {
 public:
  NitroChecker(std::span<const uint8_t> cose, const NitroExpectation& want)
      : want_(want),
        cose_(ParseCoseSign1Unverified(cose)),
        document_(cose_.ok() ? ParseNitroDocumentUnverified(cose_->payload)
                             : cose_.status()),
        chain_(document_.ok() ? ParseCertificates(*document_)
                              : document_.status()) {}

  // Every row is made, also after one failed.
  NitroVerification Run() {
    CheckForm();
    CheckCertificates();
    CheckTimes();
    CheckRevocation();
    CheckSignature();
    CheckNonce();
    NitroVerification result;
    if (rows_.AllPassed()) {
      result.document = MakeDocument();
    }
    result.checks = rows_.Take();
    return result;
  }

 private:
  // Everything that is only read.
  void CheckForm() {
    rows_.AddStatus(NitroCheckId::kEnvelope, cose_.status(), "COSE_Sign1");
    const std::string algorithm = fmt::format("{} (ES384)", kEs384);
    if (cose_.ok()) {
      rows_.Add(NitroCheckId::kAlgorithm, cose_->algorithm == kEs384, algorithm,
                fmt::format("{}", cose_->algorithm));
    } else {
      rows_.AddUnavailable(NitroCheckId::kAlgorithm, algorithm, "no envelope");
    }
    rows_.AddStatus(NitroCheckId::kDocument, document_.status(),
                    "an attestation document");
    rows_.AddStatus(NitroCheckId::kCertificates, chain_.status(),
                    "X.509 certificates");
  }

  // The root is pinned by its key; the chain below it comes with the document.
  void CheckCertificates() {
    if (!chain_.ok()) {
      rows_.AddUnavailable(NitroCheckId::kRoot, "a pinned root",
                           "no certificates");
      rows_.AddUnavailable(NitroCheckId::kChain,
                           "each issued by the one before", "no certificates");
      rows_.AddUnavailable(NitroCheckId::kLeaf, "for signatures, no CA",
                           "no certificates");
      rows_.AddUnavailable(NitroCheckId::kExtensions, "understood",
                           "no certificates");
      return;
    }
    const crypto::Sha256Digest root = chain_->front().SpkiFingerprint();
    rows_.Add(
        NitroCheckId::kRoot,
        std::ranges::find(want_.roots, root) != want_.roots.end(),
        want_.roots.size() == 1
            ? HexEncode(want_.roots[0])
            : fmt::format("one of {} pinned roots", want_.roots.size()),
        HexEncode(root),
        "the document was not made by a Nitro hypervisor: anybody can make "
        "such a chain");
    rows_.AddStatus(NitroCheckId::kChain, CheckChain(*chain_),
                    "each issued by the one before");
    rows_.AddStatus(NitroCheckId::kLeaf, CheckSigningLeaf(chain_->back()),
                    "for signatures, no CA");
    absl::Status extensions;
    for (const crypto::Certificate& certificate : *chain_) {
      extensions.Update(CheckCriticalExtensions(certificate));
    }
    rows_.AddStatus(NitroCheckId::kExtensions, extensions, "understood");
  }

  // The document's own time counts for certificates, because signers' live for
  // three hours; the window bounds how far it may be from now.
  void CheckTimes() {
    const std::string window = fmt::format(
        "{} to {}", Utc(want_.now - want_.max_age), Utc(want_.now + kMaxAhead));
    if (!document_.ok()) {
      rows_.AddUnavailable(NitroCheckId::kAge, window, "no document");
    } else {
      const absl::Time made = document_->timestamp;
      rows_.Add(
          NitroCheckId::kAge,
          made >= want_.now - want_.max_age && made <= want_.now + kMaxAhead,
          window, Utc(made),
          "the document is old or a clock is wrong: have a new one made, "
          "or check this machine's clock");
    }
    if (!chain_.ok()) {
      rows_.AddUnavailable(NitroCheckId::kValidity,
                           "valid when the document was made",
                           "no certificates");
      return;
    }
    absl::Status validity;
    for (const crypto::Certificate& certificate : *chain_) {
      validity.Update(certificate.CheckValidAt(document_->timestamp));
    }
    rows_.AddStatus(NitroCheckId::kValidity, validity,
                    "valid when the document was made");
  }

  // Lists are judged now, not at the document's time: what was revoked since
  // must not vouch for anything. The bundle is in order, root first.
  void CheckRevocation() {
    const std::string expected = "in no list of its issuer";
    if (!chain_.ok()) {
      rows_.AddUnavailable(NitroCheckId::kRevocation, expected,
                           "no certificates");
      return;
    }
    std::vector<const crypto::Certificate*> chain;
    for (auto it = chain_->rbegin(); it != chain_->rend(); ++it) {
      chain.push_back(&*it);
    }
    RevocationRow row =
        JudgeChainRevocation(chain, want_.crls, want_.now, want_.require_crls);
    rows_.Add(NitroCheckId::kRevocation, row.passed, expected,
              std::move(row.got),
              "if it is revoked, refuse the node: Amazon no longer vouches for "
              "the hypervisor's certificate or its authority; if a list is old "
              "or missing, fetch it (constellation collateral fetch)");
    if (!row.checked) {
      rows_.MarkNotChecked();
    }
  }

  // ES384: r and s as 48 octets each (RFC 9053 section 2.1).
  absl::Status VerifySignature() const {
    RETURN_IF_ERROR(chain_.status());
    ASSIGN_OR_RETURN(const crypto::PublicKey key, chain_->back().Key());
    if (key.type() != crypto::KeyType::kEc || key.bits() != 384) {
      return InvalidArgument("the signer's key is not of P-384");
    }
    if (cose_->signature.size() != 2 * kScalarSize) {
      return InvalidArgument(fmt::format("want a signature of 96 bytes, got {}",
                                         cose_->signature.size()));
    }
    return key.VerifyEcdsa(crypto::HashAlgorithm::kSha384,
                           CoseSigStructure(*cose_),
                           cose_->signature.first(kScalarSize),
                           cose_->signature.subspan(kScalarSize));
  }

  void CheckSignature() {
    rows_.AddStatus(NitroCheckId::kSignature, VerifySignature(),
                    "by the signer's key over header and payload");
  }

  // An empty nonce would be nobody's proof of freshness.
  void CheckNonce() {
    if (!want_.nonce.has_value()) {
      rows_.Add(NitroCheckId::kNonce, true, "any", "not compared");
      return;
    }
    const bool has = document_.ok() && document_->nonce.has_value();
    rows_.Add(NitroCheckId::kNonce,
              has && !want_.nonce->empty() &&
                  std::ranges::equal(*document_->nonce, *want_.nonce),
              HexEncode(*want_.nonce),
              has ? HexEncode(*document_->nonce) : "none",
              "the document was made for another request: replayed or mixed "
              "up");
  }

  // Copies: the result must not point into the caller's octets.
  VerifiedNitroDocument MakeDocument() const {
    VerifiedNitroDocument made;
    made.kind_ = document_->kind;
    made.module_id_ = document_->module_id;
    made.timestamp_ = document_->timestamp;
    for (const NitroPcr& pcr : document_->pcrs) {
      made.pcrs_.emplace(pcr.index, Copy(pcr.value));
    }
    made.public_key_ = Copy(document_->public_key);
    made.user_data_ = Copy(document_->user_data);
    made.nonce_ = Copy(document_->nonce);
    return made;
  }

  const NitroExpectation& want_;
  const absl::StatusOr<CoseSign1Unverified> cose_;
  const absl::StatusOr<NitroDocumentUnverified> document_;
  const absl::StatusOr<Certificates> chain_;
  CheckRows<NitroCheckId> rows_;
};

NitroVerification CheckNitroDocument(std::span<const uint8_t> cose,
                                     const NitroExpectation& expectation) {
  return NitroChecker(cose, expectation).Run();
}

// The first failure decides the code.
absl::StatusOr<VerifiedNitroDocument> VerifyNitroDocument(
    std::span<const uint8_t> cose, const NitroExpectation& expectation) {
  NitroVerification result = CheckNitroDocument(cose, expectation);
  if (result.document.has_value()) {
    return *std::move(result.document);
  }
  const NitroCheck* failed = FirstFailed(result.checks);
  if (failed == nullptr) {
    return Internal("nitro: no check failed, yet nothing was verified");
  }
  const std::string message = DescribeFailure("nitro", *failed);
  switch (failed->id) {
    case NitroCheckId::kEnvelope:
    case NitroCheckId::kDocument:
    case NitroCheckId::kCertificates:
      return InvalidArgument(message);
    case NitroCheckId::kAge:
    case NitroCheckId::kValidity:
      return FailedPrecondition(message);
    default:
      return Unauthenticated(message);
  }
}

}  // namespace constellation::attestation
