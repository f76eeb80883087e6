// SPDX-License-Identifier: Apache-2.0
#include "attestation/sgx/sgx_quote.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

// A demand that is left out would be met by any enclave; these must be there.
std::vector<std::string> MissingIn(const SgxPolicy& policy) {
  std::vector<std::string> missing = MissingInTcbPolicy(policy.tcb);
  if (!policy.report_data.has_value()) {
    missing.emplace_back("report data");
  }
  if (policy.mr_enclave.empty() && policy.mr_signer.empty()) {
    missing.emplace_back("mrenclave or mrsigner");
  }
  // A maker signs many enclaves, old ones too.
  if (policy.mr_enclave.empty() && !policy.mr_signer.empty()) {
    if (!policy.isv_prod_id.has_value()) {
      missing.emplace_back("isvprodid");
    }
    if (!policy.minimum_isv_svn.has_value()) {
      missing.emplace_back("minimumISVSVN");
    }
  }
  return missing;
}

}  // namespace

// Holds what the checks share.
class SgxQuoteChecker final {
 public:
  SgxQuoteChecker(std::span<const uint8_t> bytes, const SgxPolicy& policy)
      : policy_(policy), bytes_(bytes) {}

  // The grace period is the owner's word, so the policy's replaces the
  // caller's. A quote is handed out only if every row passed, those of the
  // quote itself included.
  SgxQuoteVerification Run(const VerifiedIntelCollateral& collateral,
                           const IntelTrustAnchors& anchors,
                           IntelVerificationOptions options) {
    options.collateral_grace = policy_.tcb.collateral_grace;
    IntelQuoteVerification intel =
        CheckIntelQuote(bytes_, collateral, anchors, options);
    rows_.Append(intel.checks);
    CheckPolicyComplete(MissingIn(policy_), rows_);
    CheckTcbPolicy(policy_.tcb, intel.quote ? &*intel.quote : nullptr, rows_);
    CheckReport();
    SgxQuoteVerification result;
    result.evaluation_unverified = std::move(intel.evaluation_unverified);
    if (rows_.AllPassed() && intel.quote.has_value() &&
        intel.quote->quote().enclave_report() != nullptr) {
      result.quote = VerifiedSgxQuote(*std::move(intel.quote));
    }
    result.checks = rows_.Take();
    return result;
  }

 private:
  // Parses again, so that the rows can be shown for a quote whose signature is
  // wrong.
  void CheckReport() {
    const absl::StatusOr<IntelQuoteUnverified> quote =
        ParseIntelQuoteUnverified(bytes_);
    if (!quote.ok() || quote->tee != IntelTee::kSgx) {
      NoReport(quote.ok() ? "it is a TDX quote" : "no quote");
      return;
    }
    const absl::StatusOr<EnclaveReport> report =
        ParseEnclaveReportUnverified(quote->body);
    if (!report.ok()) {
      NoReport(Message(report.status()));
      return;
    }
    rows_.Add(IntelCheckId::kDebug, policy_.allow_debug || !report->debug(),
              policy_.allow_debug ? "either" : "not set",
              report->debug() ? "set" : "not set",
              "the host can read a debug enclave's memory: build and start it "
              "without debug");
    CheckReportData(*report);
    CheckMeasurement(IntelCheckId::kMrEnclave, "mrenclave",
                     SpansOf(policy_.mr_enclave), report->mr_enclave, rows_);
    CheckMeasurement(IntelCheckId::kMrSigner, "mrsigner",
                     SpansOf(policy_.mr_signer), report->mr_signer, rows_);
    CheckVersion(*report);
  }

  // The rows that every appraisal has, as failed.
  void NoReport(std::string_view why) {
    rows_.AddUnavailable(IntelCheckId::kDebug, "an enclave report", why);
    rows_.AddUnavailable(IntelCheckId::kReportData, "an enclave report", why);
    rows_.AddUnavailable(IntelCheckId::kMrEnclave, "an enclave report", why);
  }

  // Freshness: without it, a quote of last year would do.
  void CheckReportData(const EnclaveReport& report) {
    if (!policy_.report_data.has_value()) {
      rows_.AddUnavailable(IntelCheckId::kReportData, "the expected value",
                           "the policy names none");
      return;
    }
    rows_.Add(IntelCheckId::kReportData,
              report.report_data == *policy_.report_data,
              HexEncode(*policy_.report_data), HexEncode(report.report_data),
              "the quote was made for another connection or at another time: "
              "ask the enclave for a new one");
  }

  // SGX: ISVPRODID tells a maker's enclaves apart, ISVSVN is raised with each
  // security fix (Intel SDM, enclave signature structure).
  void CheckVersion(const EnclaveReport& report) {
    if (policy_.isv_prod_id.has_value()) {
      rows_.Add(IntelCheckId::kIsvProdId,
                report.isv_prod_id == *policy_.isv_prod_id,
                fmt::format("{}", *policy_.isv_prod_id),
                fmt::format("{}", report.isv_prod_id),
                "another enclave of the same maker runs: refuse it, or correct "
                "isvprodid of the profile");
    }
    if (policy_.minimum_isv_svn.has_value()) {
      rows_.Add(IntelCheckId::kIsvSvn,
                report.isv_svn >= *policy_.minimum_isv_svn,
                fmt::format("at least {}", *policy_.minimum_isv_svn),
                fmt::format("{}", report.isv_svn),
                "update the enclave, or lower minimumISVSVN of the profile");
    }
  }

  const SgxPolicy& policy_;
  std::span<const uint8_t> bytes_;
  IntelCheckList rows_;
};

// `policy` must outlive this call only: nothing refers to it afterwards.
SgxQuoteVerification CheckSgxQuote(std::span<const uint8_t> quote,
                                   const VerifiedIntelCollateral& collateral,
                                   const IntelTrustAnchors& anchors,
                                   const IntelVerificationOptions& options,
                                   const SgxPolicy& policy) {
  return SgxQuoteChecker(quote, policy).Run(collateral, anchors, options);
}

// The last line is a guard: no check failed and still no quote.
absl::StatusOr<VerifiedSgxQuote> VerifySgxQuote(
    std::span<const uint8_t> quote, const VerifiedIntelCollateral& collateral,
    const IntelTrustAnchors& anchors, const IntelVerificationOptions& options,
    const SgxPolicy& policy) {
  SgxQuoteVerification result =
      CheckSgxQuote(quote, collateral, anchors, options, policy);
  if (result.quote.has_value()) {
    return *std::move(result.quote);
  }
  RETURN_IF_ERROR(FirstFailure(result.checks, "SGX quote"));
  return Internal("SGX quote: no check failed, yet nothing was verified");
}

}  // namespace constellation::attestation
