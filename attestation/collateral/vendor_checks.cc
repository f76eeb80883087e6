// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/vendor_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "attestation/collateral/check_facts.h"
#include "attestation/gcp/issuer_url.h"
#include "attestation/intel/collateral_json.h"
#include "attestation/intel/enclave_identity.h"
#include "attestation/intel/evaluation_numbers.h"
#include "attestation/intel/pck_chain.h"
#include "attestation/intel/tcb_info.h"
#include "attestation/intel/tcb_signer.h"
#include "attestation/snp/snp_certificates.h"
#include "common/log.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/crl.h"
#include "crypto/p256.h"
#include "crypto/x509.h"

namespace constellation::attestation {
namespace {

constexpr size_t kAmdChainLength = 2;
constexpr size_t kMaxGivenCertificates = 16;

Bytes DerOf(const crypto::Certificate& certificate) {
  return {certificate.der().begin(), certificate.der().end()};
}

// Per product: a Milan root must not vouch for a Genoa chain.
bool IsPinned(const crypto::Sha256Digest& spki, SnpProduct product,
              std::span<const SnpRoot> more_roots) {
  const auto matches = [&](const SnpRoot& root) {
    return root.product == product && root.spki_sha256 == spki;
  };
  return std::ranges::any_of(BuiltInSnpRoots(), matches) ||
         std::ranges::any_of(more_roots, matches);
}

// OK if `root` is a pinned ARK of `product` and signed itself and `below`.
absl::StatusOr<CollateralFacts> CheckAmdChain(
    const crypto::Certificate& below, const crypto::Certificate& root,
    SnpProduct product, std::span<const SnpRoot> more_roots) {
  if (!IsPinned(root.SpkiFingerprint(), product, more_roots)) {
    return Unauthenticated(fmt::format("ARK of {}: want a pinned key, got {}",
                                       ToString(product),
                                       HexEncode(root.SpkiFingerprint())));
  }
  RETURN_IF_ERROR(root.VerifySignedBy(root));
  RETURN_IF_ERROR(below.VerifySignedBy(root));
  CollateralFacts facts;
  RETURN_IF_ERROR(Narrow(facts, below));
  RETURN_IF_ERROR(Narrow(facts, root));
  return facts;
}

// The first failure is the cause; those behind it often follow from it.
std::string FailureOf(const std::vector<SnpCheck>& checks) {
  for (const SnpCheck& check : checks) {
    if (!check.passed) {
      return fmt::format("{}: want {}, got {}", ToString(check.id),
                         check.expected, check.got);
    }
  }
  return "no check failed";
}

// Bounded, for the evidence decides how many there are.
std::vector<crypto::Certificate> ParseGiven(std::span<const Bytes> given) {
  std::vector<crypto::Certificate> out;
  for (const Bytes& der : given) {
    if (out.size() == kMaxGivenCertificates) {
      break;
    }
    if (auto certificate = crypto::Certificate::FromDer(der);
        certificate.ok()) {
      out.push_back(*std::move(certificate));
    }
  }
  return out;
}

Bytes Copy(std::span<const uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

}  // namespace

// Exactly two: what stands behind them would be kept and handed on unchecked.
CollateralCheck AmdCertChainCheck(SnpProduct product,
                                  std::vector<SnpRoot> more_roots) {
  return [product, more_roots = std::move(more_roots)](
             const Collateral& collateral,
             absl::Time /*now*/) -> absl::StatusOr<CollateralFacts> {
    ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> chain,
                     crypto::Certificate::ListFromPem(
                         AsText(collateral.content), kAmdChainLength + 1));
    if (chain.size() != kAmdChainLength) {
      return InvalidArgument(fmt::format("want {} certificates, got {}",
                                         kAmdChainLength, chain.size()));
    }
    return CheckAmdChain(chain[0], chain[1], product, more_roots);
  };
}

// The root's key was pinned when the chain was checked; here the list must be
// that root's.
CollateralCheck AmdCrlCheck(Bytes root) {
  return [root = std::move(root)](
             const Collateral& collateral,
             absl::Time /*now*/) -> absl::StatusOr<CollateralFacts> {
    ASSIGN_OR_RETURN(const crypto::Certificate ark,
                     crypto::Certificate::FromDer(root));
    ASSIGN_OR_RETURN(const crypto::PublicKey key, ark.Key());
    ASSIGN_OR_RETURN(const crypto::RevocationList list,
                     crypto::RevocationList::FromDer(collateral.content));
    if (!std::ranges::equal(list.issuer_name(), ark.subject_name())) {
      return Unauthenticated(fmt::format("want a list of {}, got one of {}",
                                         ark.Subject(), list.Issuer()));
    }
    RETURN_IF_ERROR(list.VerifySignedBy(key));
    return FactsOf(list);
  };
}

// The chain is checked with the certificate, then chip and levels: a genuine
// VCEK of another chip would only make the report's own checks fail later, and
// stay in the cache.
CollateralCheck VcekCheck(SnpProduct product, Bytes hardware_id, SnpTcb tcb,
                          SnpCollateral chain,
                          std::vector<SnpRoot> more_roots) {
  return [product, hardware_id = std::move(hardware_id), tcb,
          chain = std::move(chain), more_roots = std::move(more_roots)](
             const Collateral& collateral,
             absl::Time now) -> absl::StatusOr<CollateralFacts> {
    SnpEndorsements endorsements = chain.Endorsements();
    endorsements.signer = collateral.content;
    const SnpChainVerification verification =
        CheckSnpChain(endorsements, {.more_roots = more_roots}, now);
    if (verification.chain == nullptr) {
      return Unauthenticated(FailureOf(verification.checks));
    }
    const SnpSignerFactsUnverified& facts = verification.chain->facts();
    const bool chip = facts.hardware_id.has_value() &&
                      std::ranges::equal(SnpChipIdOf(*facts.hardware_id),
                                         SnpChipIdOf(hardware_id));
    if (facts.product != product || !chip) {
      return Unauthenticated("want the VCEK of this chip, got another's");
    }
    if (DecodeSnpTcb(facts.tcb, product) != tcb) {
      return Unauthenticated(
          fmt::format("want the VCEK for {}, got one for {}", ToString(tcb),
                      ToString(DecodeSnpTcb(facts.tcb, product))));
    }
    // The certificate's own dates, not those of the revocation list beside it.
    // AMD makes a new one for every request: no rollback to look for.
    CollateralFacts dates;
    RETURN_IF_ERROR(Narrow(dates, verification.chain->signer()));
    return dates;
  };
}

namespace {

// ASK and ARK: those given if they are genuine, else the published ones. Either
// way they are kept, for evidence that brings none.
absl::Status GetAmdChain(CollateralFetcher& fetcher,
                         const CollateralEndpoints& endpoints,
                         const SnpCollateralRequest& request,
                         const SnpEndorsements& given, SnpCollateral& out) {
  std::vector<Bytes> candidates;
  if (!given.intermediate.empty() && !given.root.empty()) {
    const std::string pem =
        crypto::PemEncode("CERTIFICATE", Copy(given.intermediate)) +
        crypto::PemEncode("CERTIFICATE", Copy(given.root));
    candidates.emplace_back(pem.begin(), pem.end());
  }
  ASSIGN_OR_RETURN(
      const Collateral chain,
      fetcher.Get(AmdCertChainItem(endpoints, request.kind, request.product),
                  AmdCertChainCheck(request.product, request.more_roots),
                  candidates));
  ASSIGN_OR_RETURN(
      const std::vector<crypto::Certificate> certificates,
      crypto::Certificate::ListFromPem(AsText(chain.content), kAmdChainLength));
  if (certificates.size() != kAmdChainLength) {
    return Internal("AMD chain: changed after it was checked");
  }
  out.intermediate = DerOf(certificates[0]);
  out.root = DerOf(certificates[1]);
  return absl::OkStatus();
}

}  // namespace

// The chain first, because lists and VCEK are checked with it. A VLEK cannot be
// asked for: AMD hands it to providers only.
absl::StatusOr<SnpCollateral> FetchSnpCollateral(
    CollateralFetcher& fetcher, const CollateralEndpoints& endpoints,
    const SnpCollateralRequest& request, std::span<const Bytes> given) {
  const std::vector<crypto::Certificate> certificates = ParseGiven(given);
  const SnpEndorsements selected = SelectSnpEndorsements(certificates);
  SnpCollateral out;
  RETURN_IF_ERROR(GetAmdChain(fetcher, endpoints, request, selected, out));
  if (request.crl) {
    ASSIGN_OR_RETURN(
        Collateral crl,
        fetcher.Get(AmdCrlItem(endpoints, request.kind, request.product),
                    AmdCrlCheck(out.root)));
    out.crl = std::move(crl.content);
  }
  if (request.kind == AmdKeyKind::kVlek) {
    if (selected.signer.empty()) {
      return NotFound(
          "VLEK: AMD hands it to cloud providers only; it must come with the "
          "evidence");
    }
    out.signer = Copy(selected.signer);
    const SnpChainVerification verification = CheckSnpChain(
        out.Endorsements(), {.more_roots = request.more_roots}, fetcher.Now());
    if (verification.chain == nullptr) {
      return Unauthenticated("VLEK: " + FailureOf(verification.checks));
    }
    return out;
  }
  ASSIGN_OR_RETURN(
      const CollateralItem item,
      VcekItem(endpoints, request.product, request.hardware_id, request.tcb));
  ASSIGN_OR_RETURN(Collateral vcek,
                   fetcher.Get(item,
                               VcekCheck(request.product, request.hardware_id,
                                         request.tcb, out, request.more_roots),
                               given));
  out.signer = std::move(vcek.content);
  return out;
}

namespace {

// Facts of a document that "Intel SGX TCB Signing" signed, below an anchor.
absl::StatusOr<CollateralFacts> CheckDocumentSignature(
    const SignedJsonUnverified& document, const Collateral& collateral,
    const IntelTrustAnchors& anchors, absl::Time now) {
  ASSIGN_OR_RETURN(const TcbSigner signer,
                   FindTcbSigner(collateral.issuer_chain, anchors, now));
  RETURN_IF_ERROR(VerifySignedJson(document, signer.certificate));
  ASSIGN_OR_RETURN(CollateralFacts facts,
                   TcbDocumentFactsUnverified(AsText(collateral.content)));
  RETURN_IF_ERROR(Narrow(facts, signer.certificate));
  return facts;
}

// As Intel names its CAs in the certificates ("Intel SGX PCK Certificate and
// CRL Profile").
std::string_view CommonNameOf(PckCa ca) {
  return ca == PckCa::kPlatform ? "Intel SGX PCK Platform CA"
                                : "Intel SGX PCK Processor CA";
}

}  // namespace

// Kind and platform as asked: an answer about another FMSPC, genuine as it is,
// would be judged as this platform's.
CollateralCheck TcbInfoCheck(IntelTrustAnchors anchors, IntelTee tee,
                             Bytes fmspc) {
  return [anchors = std::move(anchors), tee, fmspc = std::move(fmspc)](
             const Collateral& collateral,
             absl::Time now) -> absl::StatusOr<CollateralFacts> {
    ASSIGN_OR_RETURN(
        const SignedJsonUnverified document,
        ParseSignedJsonUnverified(AsText(collateral.content), "tcbInfo"));
    ASSIGN_OR_RETURN(
        CollateralFacts facts,
        CheckDocumentSignature(document, collateral, anchors, now));
    ASSIGN_OR_RETURN(const TcbInfo info, ParseTcbInfoUnverified(document.body));
    if (info.tee != tee || !std::ranges::equal(info.fmspc, fmspc)) {
      return Unauthenticated(fmt::format(
          "want TCB info of {} {}, got that of {} {}", ToString(tee),
          HexEncode(fmspc), ToString(info.tee), HexEncode(info.fmspc)));
    }
    return facts;
  };
}

// The identity of the SGX quoting enclave is not that of TDX's.
CollateralCheck QeIdentityCheck(IntelTrustAnchors anchors, IntelTee tee) {
  return [anchors = std::move(anchors), tee](
             const Collateral& collateral,
             absl::Time now) -> absl::StatusOr<CollateralFacts> {
    ASSIGN_OR_RETURN(const SignedJsonUnverified document,
                     ParseSignedJsonUnverified(AsText(collateral.content),
                                               "enclaveIdentity"));
    ASSIGN_OR_RETURN(
        CollateralFacts facts,
        CheckDocumentSignature(document, collateral, anchors, now));
    ASSIGN_OR_RETURN(const EnclaveIdentity identity,
                     ParseEnclaveIdentityUnverified(document.body));
    const EnclaveKind wanted =
        tee == IntelTee::kSgx ? EnclaveKind::kQe : EnclaveKind::kTdQe;
    if (identity.kind != wanted) {
      return Unauthenticated(fmt::format("want identity of {}, got that of {}",
                                         ToString(wanted),
                                         ToString(identity.kind)));
    }
    return facts;
  };
}

// No number of its own: a rollback shows in the date of issue.
CollateralCheck EvaluationNumbersCheck(IntelTrustAnchors anchors,
                                       IntelTee tee) {
  return [anchors = std::move(anchors), tee](
             const Collateral& collateral,
             absl::Time now) -> absl::StatusOr<CollateralFacts> {
    ASSIGN_OR_RETURN(
        const TcbEvaluationNumbers numbers,
        VerifyTcbEvaluationNumbers(AsText(collateral.content),
                                   collateral.issuer_chain, anchors, now));
    if (numbers.tee != tee) {
      return Unauthenticated(
          fmt::format("want evaluation data numbers of {}, got those of {}",
                      ToString(tee), ToString(numbers.tee)));
    }
    CollateralFacts facts;
    facts.issued = numbers.issue_date;
    facts.not_before = numbers.issue_date;
    facts.not_after = numbers.next_update;
    return facts;
  };
}

// Several anchors may have one name (test roots): any whose key fits.
CollateralCheck IntelRootCrlCheck(IntelTrustAnchors anchors) {
  return [anchors = std::move(anchors)](
             const Collateral& collateral,
             absl::Time /*now*/) -> absl::StatusOr<CollateralFacts> {
    ASSIGN_OR_RETURN(const crypto::RevocationList list,
                     crypto::RevocationList::FromDer(collateral.content));
    absl::Status last = Unauthenticated("no trusted root");
    for (const IntelRoot& root : anchors.roots()) {
      if (!std::ranges::equal(list.issuer_name(),
                              root.certificate.subject_name())) {
        continue;
      }
      last = list.VerifySignedBy(root.key);
      if (last.ok()) {
        return FactsOf(list);
      }
    }
    return last;
  };
}

// The CA is found in the chain by the list's issuer; it must be the CA asked
// for, directly below an anchor.
CollateralCheck PckCrlCheck(IntelTrustAnchors anchors, PckCa ca) {
  return [anchors = std::move(anchors), ca](
             const Collateral& collateral,
             absl::Time /*now*/) -> absl::StatusOr<CollateralFacts> {
    ASSIGN_OR_RETURN(const crypto::RevocationList list,
                     crypto::RevocationList::FromDer(collateral.content));
    ASSIGN_OR_RETURN(
        const std::vector<crypto::Certificate> chain,
        ParseCertificatesUnverified(AsBytes(collateral.issuer_chain)));
    for (const crypto::Certificate& certificate : chain) {
      if (!std::ranges::equal(list.issuer_name(), certificate.subject_name())) {
        continue;
      }
      if (!certificate.is_ca() ||
          certificate.SubjectCommonName() != CommonNameOf(ca)) {
        return Unauthenticated(fmt::format("want a list of {}, got one of {}",
                                           CommonNameOf(ca), list.Issuer()));
      }
      RETURN_IF_ERROR(CheckPckCriticalExtensions(certificate));
      RETURN_IF_ERROR(anchors.IssuerOf(certificate).status());
      ASSIGN_OR_RETURN(const crypto::PublicKey key, certificate.Key());
      RETURN_IF_ERROR(list.VerifySignedBy(key));
      CollateralFacts facts = FactsOf(list);
      RETURN_IF_ERROR(Narrow(facts, certificate));
      return facts;
    }
    return Unauthenticated(
        fmt::format("issuer chain: want the certificate of {}", list.Issuer()));
  };
}

namespace {

constexpr size_t kMaxGoogleChain = 3;  // above the attestation key's

bool HasKeyOf(const crypto::Certificate& certificate,
              std::span<const crypto::Sha256Digest> keys) {
  return std::ranges::find(keys, certificate.SpkiFingerprint()) != keys.end();
}

// Fetches one issuer after the other until one has a pinned key. Nothing of it
// is verified.
absl::StatusOr<std::string> FetchLinks(
    CollateralFetcher& fetcher, const crypto::Certificate& leaf,
    std::span<const crypto::Sha256Digest> roots) {
  std::string pem;
  crypto::Certificate subject = leaf;
  for (size_t i = 0; i < kMaxGoogleChain; ++i) {
    ASSIGN_OR_RETURN(const std::string url, IssuerUrlOfUnverified(subject));
    ASSIGN_OR_RETURN(const CollateralItem item,
                     IssuerItem(url, GoogleIssuerHosts()));
    ASSIGN_OR_RETURN(const Collateral link, fetcher.FetchUnverified(item));
    ASSIGN_OR_RETURN(subject, crypto::Certificate::FromDer(link.content));
    pem += crypto::PemEncode("CERTIFICATE", link.content);
    if (HasKeyOf(subject, roots)) {
      return pem;
    }
  }
  return Unauthenticated(
      "chain of the attestation key: no pinned root of Google's at its end");
}

}  // namespace

// From the leaf upwards, each signed by the next, up to a pinned key. Without
// `leaf` the chain's own links are checked only.
CollateralCheck GoogleChainCheck(std::vector<crypto::Sha256Digest> roots,
                                 std::optional<crypto::Certificate> leaf) {
  return [roots = std::move(roots), leaf = std::move(leaf)](
             const Collateral& collateral,
             absl::Time /*now*/) -> absl::StatusOr<CollateralFacts> {
    ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> chain,
                     crypto::Certificate::ListFromPem(
                         AsText(collateral.content), kMaxGoogleChain));
    if (chain.empty() || !HasKeyOf(chain.back(), roots)) {
      return Unauthenticated("want a chain that ends at a pinned root");
    }
    RETURN_IF_ERROR(chain.back().VerifySignedBy(chain.back()));
    CollateralFacts facts;
    const crypto::Certificate* subject = leaf.has_value() ? &*leaf : nullptr;
    for (const crypto::Certificate& issuer : chain) {
      if (!issuer.is_ca()) {
        return Unauthenticated("want certificates of authorities");
      }
      if (subject != nullptr) {
        RETURN_IF_ERROR(subject->VerifySignedBy(issuer));
      }
      RETURN_IF_ERROR(Narrow(facts, issuer));
      subject = &issuer;
    }
    return facts;
  };
}

// Links are fetched unverified and kept only once the whole chain holds, so
// nothing unverified enters the cache.
absl::StatusOr<std::vector<crypto::Certificate>> FetchGoogleChain(
    CollateralFetcher& fetcher, const crypto::Certificate& leaf,
    std::span<const crypto::Sha256Digest> roots) {
  ASSIGN_OR_RETURN(const std::string url, IssuerUrlOfUnverified(leaf));
  const CollateralItem item = GoogleChainItem(url);
  const CollateralCheck check =
      GoogleChainCheck({roots.begin(), roots.end()}, leaf);
  absl::StatusOr<Collateral> kept = fetcher.GetKept(item, check);
  if (!kept.ok()) {
    ASSIGN_OR_RETURN(const std::string pem, FetchLinks(fetcher, leaf, roots));
    kept = Collateral{.content = Copy(AsBytes(pem)),
                      .issuer_chain = {},
                      .source = CollateralSource::kNetwork,
                      .fetched_at = fetcher.Now()};
    ASSIGN_OR_RETURN(const CollateralFacts facts, check(*kept, fetcher.Now()));
    RETURN_IF_ERROR(CheckFresh(facts, fetcher.Now(), item.what));
    // Verified: from now on kept.
    const std::vector<Bytes> verified = {kept->content};
    RETURN_IF_ERROR(fetcher.Get(item, check, verified).status());
  }
  return crypto::Certificate::ListFromPem(AsText(kept->content),
                                          kMaxGoogleChain);
}

// Everything or nothing: with one item missing no quote can be judged.
absl::StatusOr<IntelCollateral> FetchIntelCollateral(
    CollateralFetcher& fetcher, const CollateralEndpoints& endpoints,
    IntelTee tee, std::span<const uint8_t> fmspc, PckCa ca,
    const IntelTrustAnchors& anchors) {
  ASSIGN_OR_RETURN(const CollateralItem tcb_item,
                   TcbInfoItem(endpoints, tee, fmspc));
  ASSIGN_OR_RETURN(
      Collateral tcb_info,
      fetcher.Get(tcb_item, TcbInfoCheck(anchors, tee, Copy(fmspc))));
  ASSIGN_OR_RETURN(Collateral identity,
                   fetcher.Get(QeIdentityItem(endpoints, tee),
                               QeIdentityCheck(anchors, tee)));
  ASSIGN_OR_RETURN(Collateral pck_crl, fetcher.Get(PckCrlItem(endpoints, ca),
                                                   PckCrlCheck(anchors, ca)));
  ASSIGN_OR_RETURN(
      Collateral root_crl,
      fetcher.Get(IntelRootCrlItem(endpoints), IntelRootCrlCheck(anchors)));
  IntelCollateral out;
  out.tcb_info = AsText(tcb_info.content);
  out.tcb_signing_chain = std::move(tcb_info.issuer_chain);
  out.enclave_identity = AsText(identity.content);
  out.enclave_identity_chain = std::move(identity.issuer_chain);
  out.pck_crl = std::move(pck_crl.content);
  out.pck_crl_issuer_chain = Copy(AsBytes(pck_crl.issuer_chain));
  out.root_crl = std::move(root_crl.content);
  return out;
}

}  // namespace constellation::attestation
