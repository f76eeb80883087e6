// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/quote_verifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "attestation/intel/tcb_signer.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr std::string_view kForged =
    "the quote was altered or does not come from an Intel CPU: refuse the node";
constexpr std::string_view kWrongCollateral =
    "fetch the collateral of this FMSPC and TEE";

// Why a check could not be made.
constexpr std::string_view kNoQuote = "no quote";
constexpr std::string_view kNoChain = "no verified PCK chain";

// `signature` is r || s, 32 octets each.
absl::Status VerifyRawSignature(const crypto::PublicKey& key,
                                std::span<const uint8_t> message,
                                std::span<const uint8_t> signature) {
  return key.VerifyEcdsa(crypto::HashAlgorithm::kSha256, message,
                         signature.first(32), signature.subspan(32));
}

// A digest of `parts`, each behind its length, so that no octet can move from
// one part to the next; `kind` keeps facts of different kinds apart.
crypto::Sha256Digest CacheKey(
    uint8_t kind, std::initializer_list<std::span<const uint8_t>> parts) {
  crypto::Sha256Hasher hasher;
  hasher.Update(std::span<const uint8_t>(&kind, 1));
  for (const std::span<const uint8_t> part : parts) {
    const auto size = static_cast<uint32_t>(part.size());
    const uint8_t length[] = {
        static_cast<uint8_t>(size >> 24U), static_cast<uint8_t>(size >> 16U),
        static_cast<uint8_t>(size >> 8U), static_cast<uint8_t>(size)};
    hasher.Update(length);
    hasher.Update(part);
  }
  return hasher.Finish();
}

constexpr uint8_t kChainKey = 1;
constexpr uint8_t kCrlKey = 2;
constexpr uint8_t kQeReportKey = 3;

// The platform's level for people, or which components are too old for any.
std::string DescribeLevel(const TcbEvaluation& tcb, bool tdx) {
  const std::optional<ReachedTcbLevel>& level = tcb.platform_level(tdx);
  if (!level.has_value()) {
    return tcb.sgx_level.has_value()
               ? "TDX components below every level that the SGX components "
                 "reach"
               : "SGX components or PCESVN below every level";
  }
  return fmt::format("level {} of {}, {}", level->index,
                     FormatCollateralTime(level->tcb_date),
                     ToString(level->status));
}

}  // namespace

// Holds what the checks share: everything parsed once.
class IntelQuoteChecker final {
 public:
  IntelQuoteChecker(std::span<const uint8_t> bytes,
                    const VerifiedIntelCollateral* collateral,
                    const IntelTrustAnchors& anchors,
                    const IntelVerificationOptions& options)
      : anchors_(anchors),
        options_(options),
        collateral_(collateral),
        quote_(ParseIntelQuoteUnverified(bytes)) {}

  IntelChainVerification RunChain() {
    CheckQuote();
    IntelChainVerification result;
    if (rows_.AllPassed()) {
      result.quote = Authenticated();
    }
    result.checks = rows_.Take();
    return result;
  }

  IntelQuoteVerification RunAll() {
    CheckQuote();
    CheckSameRoot();
    CheckRevocation();
    CheckCollateralDates();
    IntelQuoteVerification result;
    result.evaluation_unverified = CheckTcb();
    if (rows_.AllPassed()) {
      result.quote = VerifiedIntelQuote(
          Authenticated(), *result.evaluation_unverified,
          collateral_->evaluation_data_number(),
          std::min(chain_->NotAfter(), collateral_->expires_at()));
    }
    result.checks = rows_.Take();
    return result;
  }

 private:
  // Everything that needs no collateral, up to the root.
  void CheckQuote() {
    CheckFormat();
    CheckHeader();
    CheckSignature();
    CheckBinding();
    CheckChain();
    CheckQeReport();
    CheckDates();
  }

  // Bodies are parsed here as well, so that later checks have fields or
  // nothing.
  void CheckFormat() {
    absl::Status status = quote_.status();
    if (status.ok()) {
      status = ParseReports();
    }
    rows_.AddStatus(IntelCheckId::kQuoteFormat, status,
                    "quote of version 3, 4 or 5",
                    "give the quote itself, without a wrapper around it");
  }

  absl::Status ParseReports() {
    ASSIGN_OR_RETURN(qe_report_,
                     ParseEnclaveReportUnverified(quote_->qe_report));
    if (quote_->tee == IntelTee::kTdx) {
      ASSIGN_OR_RETURN(td_report_, ParseTdReportUnverified(quote_->body));
    } else {
      ASSIGN_OR_RETURN(enclave_report_,
                       ParseEnclaveReportUnverified(quote_->body));
    }
    return absl::OkStatus();
  }

  // Only Intel's quoting enclave with P-256 is known; any other vendor would
  // need his own chain.
  void CheckHeader() {
    const std::string vendor = HexEncode(kIntelQeVendor);
    if (!quote_.ok()) {
      rows_.AddUnavailable(IntelCheckId::kAttestationKeyType, "2 (ECDSA P-256)",
                           kNoQuote);
      rows_.AddUnavailable(IntelCheckId::kQeVendor, vendor, kNoQuote);
      return;
    }
    rows_.Add(IntelCheckId::kAttestationKeyType,
              quote_->attestation_key_type == kIntelEcdsaP256,
              "2 (ECDSA P-256)",
              fmt::format("{}", quote_->attestation_key_type), kForged);
    rows_.Add(IntelCheckId::kQeVendor,
              std::ranges::equal(quote_->qe_vendor, kIntelQeVendor), vendor,
              HexEncode(quote_->qe_vendor), kForged);
  }

  // By the attestation key, which is worth nothing until CheckBinding() and
  // CheckQeReport() tie it to the PCK.
  void CheckSignature() {
    const std::string expected = "by the attestation key over header and body";
    if (!quote_.ok()) {
      rows_.AddUnavailable(IntelCheckId::kQuoteSignature, expected, kNoQuote);
      return;
    }
    const absl::StatusOr<crypto::PublicKey> key =
        crypto::PublicKey::FromEcPoint(crypto::EcCurve::kP256,
                                       quote_->attestation_key.first(32),
                                       quote_->attestation_key.subspan(32));
    rows_.AddStatus(IntelCheckId::kQuoteSignature,
                    key.ok() ? VerifyRawSignature(*key, quote_->signed_bytes,
                                                  quote_->signature)
                             : key.status(),
                    expected, kForged);
  }

  // The QE vouches for the attestation key by a digest in its report; the rest
  // of the report data must be zero, or a second value could hide there.
  void CheckBinding() {
    if (!quote_.ok() || !qe_report_.has_value()) {
      rows_.AddUnavailable(IntelCheckId::kQeBinding,
                           "SHA-256(key || authentication data)", kNoQuote);
      return;
    }
    crypto::Sha256Hasher hasher;
    hasher.Update(quote_->attestation_key);
    hasher.Update(quote_->qe_auth_data);
    IntelReportData expected{};
    std::ranges::copy(hasher.Finish(), expected.begin());
    rows_.Add(IntelCheckId::kQeBinding, qe_report_->report_data == expected,
              HexEncode(expected), HexEncode(qe_report_->report_data), kForged);
  }

  // Where certificates come from that the quote does not carry.
  std::span<const uint8_t> FurtherCertificates() const {
    if (!options_.pck_chain.empty() || collateral_ == nullptr) {
      return options_.pck_chain;
    }
    return collateral_->pck_chain();
  }

  // The chain from the cache, else parsed and verified. The key covers all that
  // the result depends on: anchors, type, octets.
  absl::StatusOr<std::shared_ptr<const VerifiedPckChain>> FindChain() {
    const bool complete = quote_->certification_type == kPckCertificateChain;
    const std::span<const uint8_t> further =
        complete ? std::span<const uint8_t>() : FurtherCertificates();
    const auto type = static_cast<uint8_t>(quote_->certification_type);
    crypto::Sha256Digest key{};
    if (options_.cache != nullptr) {
      key = CacheKey(kChainKey,
                     {anchors_.id(), std::span<const uint8_t>(&type, 1),
                      quote_->certification_data, further});
      if (auto known = options_.cache->FindChain(key)) {
        return known;
      }
    }
    ASSIGN_OR_RETURN(
        const PckChainUnverified chain,
        ParsePckChainUnverified(quote_->certification_type,
                                quote_->certification_data, further));
    ASSIGN_OR_RETURN(std::shared_ptr<const VerifiedPckChain> verified,
                     VerifyPckChain(chain, anchors_));
    if (options_.cache != nullptr) {
      options_.cache->StoreChain(key, verified);
    }
    return verified;
  }

  // The chain ends at an anchor, never at what the quote brings as its root.
  void CheckChain() {
    const std::string expected =
        "PCK certificate, CA and a trusted root, each signed by the next";
    if (!quote_.ok()) {
      rows_.AddUnavailable(IntelCheckId::kPckChain, expected, kNoQuote);
      return;
    }
    absl::StatusOr<std::shared_ptr<const VerifiedPckChain>> chain = FindChain();
    rows_.AddStatus(IntelCheckId::kPckChain, chain.status(), expected,
                    "the platform's certificate is not Intel's: refuse the "
                    "node, or name its root in the policy if you run a test "
                    "platform");
    if (chain.ok()) {
      chain_ = *std::move(chain);
    }
  }

  // The PCK signed the QE's report, and that report names the attestation key.
  void CheckQeReport() {
    const std::string expected = "by the PCK over the QE report";
    if (!quote_.ok() || chain_ == nullptr) {
      rows_.AddUnavailable(IntelCheckId::kQeReportSignature, expected,
                           quote_.ok() ? kNoChain : kNoQuote);
      return;
    }
    rows_.AddStatus(IntelCheckId::kQeReportSignature,
                    Remember(kQeReportKey,
                             {chain_->leaf().der(), quote_->qe_report,
                              quote_->qe_report_signature},
                             [this] {
                               return VerifyRawSignature(
                                   chain_->leaf_key(), quote_->qe_report,
                                   quote_->qe_report_signature);
                             }),
                    expected, kForged);
  }

  // Runs `verify` unless the cache knows that it succeeded with these parts.
  template <typename F>
  absl::Status Remember(uint8_t kind,
                        std::initializer_list<std::span<const uint8_t>> parts,
                        F verify) {
    if (options_.cache == nullptr) {
      return verify();
    }
    const crypto::Sha256Digest key = CacheKey(kind, parts);
    if (options_.cache->HasSignature(key)) {
      return absl::OkStatus();
    }
    absl::Status status = verify();
    if (status.ok()) {
      options_.cache->StoreSignature(key);
    }
    return status;
  }

  // Of the three certificates, at the verifier's time; no grace.
  void CheckDates() {
    const std::string expected = fmt::format(
        "all certificates valid at {}", FormatCollateralTime(options_.now));
    if (chain_ == nullptr) {
      rows_.AddUnavailable(IntelCheckId::kPckDates, expected, kNoChain);
      return;
    }
    rows_.AddStatus(IntelCheckId::kPckDates, chain_->CheckDatesAt(options_.now),
                    expected, "check this machine's clock");
  }

  // Collateral of a test root must not judge a quote of Intel's.
  void CheckSameRoot() {
    const std::string expected = "quote and collateral end at the same root";
    if (chain_ == nullptr) {
      rows_.AddUnavailable(IntelCheckId::kSameRoot, expected, kNoChain);
      return;
    }
    const bool same =
        chain_->root().spki_fingerprint == collateral_->root().spki_fingerprint;
    rows_.Add(
        IntelCheckId::kSameRoot, same, expected,
        same ? "as expected"
             : fmt::format("{} and {}",
                           HexEncode(chain_->root().spki_fingerprint),
                           HexEncode(collateral_->root().spki_fingerprint)),
        kWrongCollateral);
  }

  // The list is signed by the very CA that issued the PCK.
  absl::Status VerifyPckCrl() {
    const crypto::Sha256Digest signer = chain_->ca().SpkiFingerprint();
    if (collateral_->pck_crl_signer() == signer &&
        std::ranges::equal(collateral_->pck_crl().issuer_name(),
                           chain_->ca().subject_name())) {
      return absl::OkStatus();
    }
    return Remember(kCrlKey,
                    {signer, chain_->ca().subject_name(),
                     collateral_->pck_crl_fingerprint()},
                    [this] {
                      return VerifyCrl(collateral_->pck_crl(),
                                       chain_->ca().subject_name(),
                                       chain_->ca_key());
                    });
  }

  // Both steps of the chain: the leaf in its CA's list, the CA in the root's.
  absl::Status CheckNotRevoked() {
    RETURN_IF_ERROR(Annotate(VerifyPckCrl(), "PCK CRL"));
    if (collateral_->pck_crl().IsRevoked(chain_->leaf().serial())) {
      return Unauthenticated(fmt::format("PCK certificate {} is revoked by {}",
                                         HexEncode(chain_->leaf().serial()),
                                         chain_->ca().Subject()));
    }
    if (collateral_->root_crl().IsRevoked(chain_->ca().serial())) {
      return Unauthenticated(
          fmt::format("{} is revoked by the root", chain_->ca().Subject()));
    }
    return absl::OkStatus();
  }

  // A list that cannot be verified fails the row as well: not knowing is not
  // "not revoked".
  void CheckRevocation() {
    const std::string expected =
        "PCK and its CA not in the lists of their issuers";
    if (chain_ == nullptr) {
      rows_.AddUnavailable(IntelCheckId::kRevocation, expected, kNoChain);
      return;
    }
    rows_.AddStatus(IntelCheckId::kRevocation, CheckNotRevoked(), expected,
                    "a revoked platform is compromised: refuse the node; if "
                    "the list is of another issuer, fetch that of the CA");
  }

  // Again, because collateral may have been verified long before.
  void CheckCollateralDates() {
    rows_.AddStatus(
        IntelCheckId::kCollateralDates,
        collateral_->CheckDatesAt(options_.now, options_.collateral_grace),
        fmt::format("all parts valid at {}",
                    FormatCollateralTime(options_.now)),
        "fetch the collateral again (constellation collateral fetch), or "
        "check this machine's clock");
  }

  // Runs Intel's algorithm once and spreads its comparisons over rows. Whether
  // the resulting status is good enough is the policy's matter, not judged
  // here.
  std::optional<TcbEvaluation> CheckTcb() {
    const std::string expected[] = {
        "TCB info and QE identity for the quote's TEE",
        "equal in PCK and TCB info",
        "equal in PCK and TCB info",
        "signer and attributes as the TCB info demands",
        "fields as the enclave identity demands",
        "a level of the TCB info"};
    constexpr IntelCheckId kIds[] = {
        IntelCheckId::kTeeMatch,   IntelCheckId::kFmspc,
        IntelCheckId::kPceId,      IntelCheckId::kTdxModule,
        IntelCheckId::kQeIdentity, IntelCheckId::kTcbLevel};
    if (chain_ == nullptr || !qe_report_.has_value()) {
      for (size_t i = 0; i < std::size(kIds); ++i) {
        rows_.AddUnavailable(kIds[i], expected[i], kNoChain);
      }
      return std::nullopt;
    }
    TcbEvaluation tcb = EvaluateTcb(
        collateral_->tcb_info(), collateral_->enclave_identity(),
        {.pck = chain_->extension(),
         .qe_report = *qe_report_,
         .td_report = td_report_.has_value() ? &*td_report_ : nullptr});
    const absl::Status* statuses[] = {&tcb.tee, &tcb.fmspc, &tcb.pce_id,
                                      &tcb.tdx_module, &tcb.qe_identity};
    for (size_t i = 0; i < std::size(statuses); ++i) {
      rows_.AddStatus(
          kIds[i], *statuses[i], expected[i],
          i < 3 ? kWrongCollateral
                : std::string_view("the platform runs firmware that Intel did "
                                   "not sign for production: refuse the node"));
    }
    const bool tdx = td_report_.has_value();
    rows_.Add(IntelCheckId::kTcbLevel, tcb.platform_level(tdx).has_value(),
              expected[5], DescribeLevel(tcb, tdx),
              "update the host's BIOS, microcode and TDX module");
    return tcb;
  }

  // Called only if every row passed.
  AuthenticatedIntelQuote Authenticated() const {
    AuthenticatedIntelQuote quote;
    quote.version_ = quote_->version;
    quote.td_ = td_report_;
    quote.enclave_ = enclave_report_;
    quote.qe_report_ = *qe_report_;
    quote.chain_ = chain_;
    quote.trailing_size_ = quote_->trailing.size();
    return quote;
  }

  const IntelTrustAnchors& anchors_;
  const IntelVerificationOptions& options_;
  const VerifiedIntelCollateral* collateral_;
  absl::StatusOr<IntelQuoteUnverified> quote_;
  std::optional<EnclaveReport> qe_report_;
  std::optional<TdReport> td_report_;
  std::optional<EnclaveReport> enclave_report_;
  // shared_ptr: the cache may hold it, too.
  std::shared_ptr<const VerifiedPckChain> chain_;
  IntelCheckList rows_;
};

IntelChainVerification CheckIntelQuoteChain(
    std::span<const uint8_t> quote, const IntelTrustAnchors& anchors,
    const IntelVerificationOptions& options) {
  return IntelQuoteChecker(quote, nullptr, anchors, options).RunChain();
}

IntelQuoteVerification CheckIntelQuote(
    std::span<const uint8_t> quote, const VerifiedIntelCollateral& collateral,
    const IntelTrustAnchors& anchors, const IntelVerificationOptions& options) {
  return IntelQuoteChecker(quote, &collateral, anchors, options).RunAll();
}

absl::StatusOr<VerifiedIntelQuote> VerifyIntelQuote(
    std::span<const uint8_t> quote, const VerifiedIntelCollateral& collateral,
    const IntelTrustAnchors& anchors, const IntelVerificationOptions& options) {
  IntelQuoteVerification result =
      CheckIntelQuote(quote, collateral, anchors, options);
  if (result.quote.has_value()) {
    return *std::move(result.quote);
  }
  RETURN_IF_ERROR(FirstFailure(result.checks, "Intel quote"));
  return Internal("Intel quote: no check failed, yet nothing was verified");
}

}  // namespace constellation::attestation
