// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/cpu_layers.h"

#include <algorithm>
#include <string>
#include <utility>

#include "attestation/intel/quote.h"
#include "attestation/policy/advice.h"
#include "attestation/snp/snp_certificates.h"
#include "common/status.h"

namespace constellation::attestation {
namespace {

using Octets = std::span<const uint8_t>;
using crypto::Certificate;

constexpr size_t kMaxIntelCollateral = 16;
constexpr size_t kMaxChain = 8;  // certificates of one PEM text

CheckRow RowOf(std::string_view layer, std::string_view name, bool passed,
               std::string expected, std::string got, std::string_view advice) {
  return {.layer = std::string(layer),
          .name = std::string(name),
          .expected = std::move(expected),
          .got = std::move(got),
          .verdict = passed ? CheckVerdict::kPassed : CheckVerdict::kFailed,
          .advice = std::string(passed ? "" : advice)};
}

// Finds what vouches for one report.
class SnpEndorsementFinder final {
 public:
  SnpEndorsementFinder(Octets report, const CpuLayerContext& context)
      : context_(context), report_(SnpReportUnverified::Parse(report)) {}

  // Chooses by name only and verifies nothing: CheckSnp() checks every
  // signature, so a wrong choice costs a refusal, never an acceptance. Stops at
  // the first gap; the rows then say which certificate is missing.
  SnpEndorsements Find() {
    SnpEndorsements found;
    const Certificate* signer = FindSigner();
    if (signer == nullptr) {
      return found;
    }
    found.signer = signer->der();
    const Certificate* intermediate = FindIssuerOf(*signer);
    if (intermediate == nullptr) {
      return found;
    }
    found.intermediate = intermediate->der();
    const Certificate* root = FindIssuerOf(*intermediate);
    if (root == nullptr) {
      return found;
    }
    found.root = root->der();
    for (const crypto::RevocationList& crl : context_.collateral.crls) {
      if (std::ranges::equal(crl.issuer_name(), root->subject_name())) {
        found.crl = crl.der();
        break;
      }
    }
    return found;
  }

 private:
  // Calls `visit` with every certificate until it returns true.
  template <typename Visit>
  const Certificate* FirstThat(Visit visit) const {
    for (const auto* list :
         {&context_.evidence_certificates, &context_.collateral.certificates}) {
      for (const Certificate& certificate : *list) {
        if (visit(certificate)) {
          return &certificate;
        }
      }
    }
    return nullptr;
  }

  // The certificate of the report's chip and levels, else any signer's, for
  // the sake of the rows.
  const Certificate* FindSigner() const {
    const Certificate* any = nullptr;
    const Certificate* fitting = FirstThat([&](const Certificate& one) {
      const std::optional<std::string> name = one.SubjectCommonName();
      if (name != "SEV-VCEK" && name != "SEV-VLEK") {
        return false;
      }
      any = any == nullptr ? &one : any;
      const absl::StatusOr<SnpSignerFactsUnverified> facts =
          SnpSignerFactsUnverified::From(one);
      return facts.ok() && report_.ok() &&
             facts->kind == report_->signing_key &&
             facts->tcb == report_->reported_tcb &&
             (!facts->hardware_id.has_value() || report_->chip_id_is_masked() ||
              SnpChipIdOf(*facts->hardware_id) == report_->chip_id);
    });
    return fitting != nullptr ? fitting : any;
  }

  // By the octets of the name (RFC 5280 7.1 allows more; AMD's tools do not use
  // it). A root finds itself.
  const Certificate* FindIssuerOf(const Certificate& subject) const {
    return FirstThat([&subject](const Certificate& one) {
      return std::ranges::equal(one.subject_name(), subject.issuer_name());
    });
  }

  const CpuLayerContext& context_;
  const absl::StatusOr<SnpReportUnverified> report_;
};

// Intel's root, and those that the policy names if their certificates came
// along.
absl::StatusOr<IntelTrustAnchors> AnchorsFor(const TdxPolicy& policy,
                                             const CpuLayerContext& context) {
  if (policy.tcb.insecure_roots.empty()) {
    return IntelTrustAnchors::Create();
  }
  std::vector<Certificate> further;
  const auto consider = [&](const Certificate& one) {
    const bool named =
        std::ranges::find(policy.tcb.insecure_roots, one.SpkiFingerprint()) !=
        policy.tcb.insecure_roots.end();
    const bool known = std::ranges::any_of(
        further,
        [&one](const Certificate& other) { return other.der() == one.der(); });
    if (named && !known &&
        std::ranges::equal(one.issuer_name(), one.subject_name())) {
      further.push_back(one);
    }
  };
  std::ranges::for_each(context.collateral.certificates, consider);
  for (const IntelCollateral& one : context.collateral.intel) {
    const absl::StatusOr<std::vector<Certificate>> chain =
        Certificate::ListFromPem(one.tcb_signing_chain, kMaxChain);
    if (chain.ok()) {
      std::ranges::for_each(*chain, consider);
    }
  }
  return IntelTrustAnchors::Create(further);
}

void Append(const std::vector<IntelCheck>& checks, std::string_view layer,
            std::vector<CheckRow>& rows) {
  for (const IntelCheck& check : checks) {
    rows.push_back(RowOf(layer, ToString(check.id), check.passed,
                         check.expected, check.got, check.fix));
  }
}

// Tries one collateral after the other.
class TdxLayerChecker final {
 public:
  TdxLayerChecker(Octets quote, TdxPolicy policy, IntelTrustAnchors anchors,
                  const CpuLayerContext& context)
      : quote_(quote),
        policy_(std::move(policy)),
        anchors_(std::move(anchors)),
        context_(context) {}

  // Verified collateral first: it costs no chain. The number of trials is
  // bounded because each may cost several signatures of hostile length.
  TdxLayer Run() {
    for (const VerifiedIntelCollateral& one :
         context_.collateral.verified_intel) {
      if (Try(one, {})) {
        return std::move(best_);
      }
    }
    for (const IntelCollateral& one : context_.collateral.intel) {
      if (tried_ < kMaxIntelCollateral && TryUnverified(one)) {
        return std::move(best_);
      }
    }
    if (best_.rows.empty()) {
      return WithoutCollateral();
    }
    return std::move(best_);
  }

 private:
  // The policy decides how long old collateral is good, so the chain's lists
  // must be judged by the same grace as the TCB info.
  IntelVerificationOptions Options() const {
    return {.now = context_.now,
            .collateral_grace = policy_.tcb.collateral_grace,
            .cache = context_.collateral.intel_cache,
            .pck_chain = {}};
  }

  // Collateral that does not verify still gets its rows, together with what the
  // quote's own chain says: the owner sees both faults at once.
  bool TryUnverified(const IntelCollateral& one) {
    const IntelCollateralVerification verification = CheckIntelCollateral(
        one, anchors_, context_.now, policy_.tcb.collateral_grace);
    std::vector<CheckRow> rows;
    Append(verification.checks, "collateral", rows);
    if (!verification.collateral.has_value()) {
      ++tried_;
      // The quote's own rows are of use even so.
      Append(CheckIntelQuoteChain(quote_, anchors_, Options()).checks, "tdx",
             rows);
      Keep({.rows = std::move(rows), .quote = std::nullopt});
      return false;
    }
    return Try(*verification.collateral, std::move(rows));
  }

  // True ends the search: this collateral suits the quote's platform.
  bool Try(const VerifiedIntelCollateral& collateral,
           std::vector<CheckRow> rows) {
    ++tried_;
    TdxQuoteVerification verification =
        CheckTdxQuote(quote_, collateral, anchors_, Options(), policy_);
    Append(verification.checks, "tdx", rows);
    const bool good = verification.quote.has_value();
    Keep({.rows = std::move(rows), .quote = std::move(verification.quote)});
    return good;
  }

  static int64_t FailuresOf(const TdxLayer& layer) {
    return std::ranges::count(layer.rows, CheckVerdict::kFailed,
                              &CheckRow::verdict);
  }
  // Fewest failures win, so that the rows talk about the collateral that was
  // meant for this platform, not about the last one tried.
  void Keep(TdxLayer layer) {
    if (best_.rows.empty() || layer.quote.has_value() ||
        FailuresOf(layer) < FailuresOf(best_)) {
      best_ = std::move(layer);
    }
  }

  // Never an acceptance: without TCB info and revocation lists a platform with
  // a known hole is as good as any.
  TdxLayer WithoutCollateral() {
    TdxLayer layer;
    layer.rows.push_back(
        RowOf("collateral", "given", false, "Intel's collateral", "none",
              "fetch it (constellation collateral fetch) or give a bundle: "
              "without it nobody knows whether the platform is up to date or "
              "revoked"));
    Append(CheckIntelQuoteChain(quote_, anchors_, Options()).checks, "tdx",
           layer.rows);
    return layer;
  }

  const Octets quote_;
  const TdxPolicy policy_;
  const IntelTrustAnchors anchors_;
  const CpuLayerContext& context_;
  size_t tried_ = 0;
  TdxLayer best_;
};

// The quote's own report data, so that the comparison in the policy holds: the
// caller said that it compares them itself.
std::optional<IntelReportData> ReportDataIn(Octets bytes) {
  const absl::StatusOr<IntelQuoteUnverified> quote =
      ParseIntelQuoteUnverified(bytes);
  if (!quote.ok() || quote->tee != IntelTee::kTdx) {
    return std::nullopt;
  }
  const absl::StatusOr<TdReport> report = ParseTdReportUnverified(quote->body);
  if (!report.ok()) {
    return std::nullopt;
  }
  return report->report_data;
}

}  // namespace

// The policy's rows exist only for a report that verified: fields of a forged
// report would read like facts.
SnpLayer CheckSnpLayer(std::span<const uint8_t> report, const SnpPolicy& policy,
                       const std::optional<ReportData>& report_data,
                       const CpuLayerContext& context) {
  const SnpEndorsements endorsements =
      SnpEndorsementFinder(report, context).Find();
  SnpVerification verification =
      CheckSnp({.report = report,
                .endorsements = endorsements,
                .options = ChainOptionsOf(policy)},
               context.now, context.collateral.snp_cache);
  SnpLayer layer;
  for (const SnpCheck& check : verification.checks) {
    layer.rows.push_back(RowOf("snp", ToString(check.id), check.passed,
                               check.expected, check.got, SnpAdvice(check.id)));
    if (check.passed && !check.checked) {
      layer.rows.back().verdict = CheckVerdict::kInfo;
    }
  }
  if (!verification.report.has_value()) {
    layer.rows.push_back(RowOf("snp", "policy", false,
                               "a report that a genuine processor signed",
                               "not available: a check above failed", ""));
    return layer;
  }
  bool accepted = true;
  for (const SnpPolicyCheck& check :
       AppraiseSnp(*verification.report, policy,
                   report_data.has_value() ? Octets(*report_data) : Octets())) {
    accepted &= check.passed;
    layer.rows.push_back(RowOf("snp", check.name, check.passed, check.expected,
                               check.got, check.reason));
  }
  if (accepted) {
    layer.report = std::move(verification.report);
  }
  return layer;
}

// Roots are made for every call, because which test roots count is the
// profile's choice, not the process's.
TdxLayer CheckTdxLayer(std::span<const uint8_t> quote, const TdxPolicy& policy,
                       const std::optional<ReportData>& report_data,
                       const CpuLayerContext& context) {
  absl::StatusOr<IntelTrustAnchors> anchors = AnchorsFor(policy, context);
  if (!anchors.ok()) {
    TdxLayer layer;
    layer.rows.push_back(RowOf("tdx", "roots", false,
                               "usable root certificates",
                               std::string(Message(anchors.status())),
                               "correct `insecureRoots` of the profile"));
    return layer;
  }
  TdxPolicy effective = policy;
  effective.report_data = report_data.has_value()
                              ? std::optional<IntelReportData>(*report_data)
                              : ReportDataIn(quote);
  return TdxLayerChecker(quote, std::move(effective), *std::move(anchors),
                         context)
      .Run();
}

}  // namespace constellation::attestation
