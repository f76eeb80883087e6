// SPDX-License-Identifier: Apache-2.0
#include "attestation/tdx/tdx_quote.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

// Bits of td_attributes that may be set (Intel TDX Module ABI, ATTRIBUTES).
// Bits 1 to 7 let the host look into the TD, as debug does; it has a row of
// its own.
constexpr uint64_t kIcssd = uint64_t{1} << 16U;  // no SSD by the guest
constexpr uint64_t kLass = uint64_t{1} << 27U;   // linear address separation
constexpr uint64_t kTpa = uint64_t{1} << 62U;    // TD is a partner for devices
constexpr uint64_t kKnownAttributes =
    TdReport::kDebug | TdReport::kSeptVeDisable | TdReport::kMigratable |
    TdReport::kProtectionKeys | TdReport::kKeyLocker | TdReport::kPerfmon |
    kIcssd | kLass | kTpa;

// MRTD is the firmware and the report data are freshness: a profile without
// them would accept every TD, or every old quote.
std::vector<std::string> MissingIn(const TdxPolicy& policy) {
  std::vector<std::string> missing = MissingInTcbPolicy(policy.tcb);
  if (policy.mr_td.empty()) {
    missing.emplace_back("mrtd");
  }
  if (!policy.report_data.has_value()) {
    missing.emplace_back("report data");
  }
  return missing;
}

std::string YesNo(bool value) {
  return value ? "set" : "not set";
}

}  // namespace

// Holds what the checks share.
class TdxQuoteChecker final {
 public:
  TdxQuoteChecker(std::span<const uint8_t> bytes, const TdxPolicy& policy)
      : policy_(policy), bytes_(bytes) {}

  // The grace period is the owner's word, so the policy's replaces the
  // caller's.
  TdxQuoteVerification Run(const VerifiedIntelCollateral& collateral,
                           const IntelTrustAnchors& anchors,
                           IntelVerificationOptions options) {
    options.collateral_grace = policy_.tcb.collateral_grace;
    IntelQuoteVerification intel =
        CheckIntelQuote(bytes_, collateral, anchors, options);
    rows_.Append(intel.checks);
    CheckPolicyComplete(MissingIn(policy_), rows_);
    CheckTcbPolicy(policy_.tcb, intel.quote ? &*intel.quote : nullptr, rows_);
    CheckReport();
    TdxQuoteVerification result;
    result.evaluation_unverified = std::move(intel.evaluation_unverified);
    if (rows_.AllPassed() && intel.quote.has_value() &&
        intel.quote->quote().td_report() != nullptr) {
      result.quote = VerifiedTdxQuote(*std::move(intel.quote));
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
    if (!quote.ok() || quote->tee != IntelTee::kTdx) {
      NoReport(quote.ok() ? "it is an SGX quote" : "no quote");
      return;
    }
    const absl::StatusOr<TdReport> report =
        ParseTdReportUnverified(quote->body);
    if (!report.ok()) {
      NoReport(Message(report.status()));
      return;
    }
    CheckAttributes(*report);
    CheckReportData(*report);
    CheckMeasurements(*report);
  }

  // The rows that every appraisal has, as failed.
  void NoReport(std::string_view why) {
    rows_.AddUnavailable(IntelCheckId::kDebug, "a TD report", why);
    rows_.AddUnavailable(IntelCheckId::kReportData, "a TD report", why);
    rows_.AddUnavailable(IntelCheckId::kMrTd, "a TD report", why);
  }

  // Attributes must be known ones: an unknown bit may open the TD in a way that
  // no row asks about.
  void CheckAttributes(const TdReport& report) {
    rows_.Add(IntelCheckId::kDebug, policy_.allow_debug || !report.debug(),
              policy_.allow_debug ? "either" : "not set", YesNo(report.debug()),
              "the host can read a debug TD's memory: start it without debug");
    uint64_t allowed = kKnownAttributes;
    if (!policy_.allow_migratable) {
      allowed &= ~TdReport::kMigratable;
    }
    const uint64_t unexpected = report.td_attributes & ~allowed;
    rows_.Add(IntelCheckId::kTdReserved, unexpected == 0,
              fmt::format("no bit but {:#018x}", allowed),
              fmt::format("{:#018x}", report.td_attributes),
              (unexpected & TdReport::kMigratable) != 0
                  ? "a migratable TD may leave the machine: start it without, "
                    "or set allowMigratable in the profile"
                  : "the TD has attributes that this version does not know: "
                    "update the verifier");
    const bool disabled =
        (report.td_attributes & TdReport::kSeptVeDisable) != 0;
    rows_.Add(IntelCheckId::kSeptVeDisable,
              disabled || !policy_.require_sept_ve_disable,
              policy_.require_sept_ve_disable ? "set" : "either",
              YesNo(disabled),
              "start the TD with sept-ve-disable, or set requireSeptVeDisable "
              "to false in the profile if its kernel handles such faults");
    if (!policy_.xfam.empty()) {
      rows_.Add(
          IntelCheckId::kXfam,
          std::ranges::find(policy_.xfam, report.xfam) != policy_.xfam.end(),
          fmt::format("one of {:#x}", fmt::join(policy_.xfam, ", ")),
          fmt::format("{:#x}", report.xfam),
          "the TD was started with other CPU features: refuse the node, "
          "or add the value to xfam of the profile");
    }
  }

  // Freshness and channel. Compared as a whole: 64 octets that the guest chose.
  void CheckReportData(const TdReport& report) {
    if (!policy_.report_data.has_value()) {
      rows_.AddUnavailable(IntelCheckId::kReportData, "the expected value",
                           "the policy names none");
      return;
    }
    rows_.Add(IntelCheckId::kReportData,
              report.report_data == *policy_.report_data,
              HexEncode(*policy_.report_data), HexEncode(report.report_data),
              "the quote was made for another connection or at another time: "
              "ask the node for a new one");
  }

  // An empty list is not compared, but for MRTD, whose absence is a failed row.
  void CheckMeasurements(const TdReport& report) {
    if (policy_.mr_td.empty()) {
      rows_.AddUnavailable(IntelCheckId::kMrTd, "a reference value",
                           "the policy names none");
    }
    struct Field {
      IntelCheckId id;
      std::string_view name;
      const std::vector<IntelMeasurement>* wanted;
      const IntelMeasurement* got;
    };
    const Field fields[] = {
        {IntelCheckId::kMrTd, "mrtd", &policy_.mr_td, &report.mr_td},
        {IntelCheckId::kMrSeam, "mrseam", &policy_.mr_seam, &report.mr_seam},
        {IntelCheckId::kMrSignerSeam, "mrsignerseam", &policy_.mr_signer_seam,
         &report.mr_signer_seam},
        {IntelCheckId::kMrConfigId, "mrconfigid", &policy_.mr_config_id,
         &report.mr_config_id},
        {IntelCheckId::kMrOwner, "mrowner", &policy_.mr_owner,
         &report.mr_owner},
        {IntelCheckId::kMrOwnerConfig, "mrownerconfig",
         &policy_.mr_owner_config, &report.mr_owner_config},
        {IntelCheckId::kRtmr0, "rtmr0", &policy_.rtmr[0], &report.rtmr[0]},
        {IntelCheckId::kRtmr1, "rtmr1", &policy_.rtmr[1], &report.rtmr[1]},
        {IntelCheckId::kRtmr2, "rtmr2", &policy_.rtmr[2], &report.rtmr[2]},
        {IntelCheckId::kRtmr3, "rtmr3", &policy_.rtmr[3], &report.rtmr[3]},
    };
    for (const Field& field : fields) {
      CheckMeasurement(field.id, field.name, SpansOf(*field.wanted), *field.got,
                       rows_);
    }
  }

  const TdxPolicy& policy_;
  std::span<const uint8_t> bytes_;
  IntelCheckList rows_;
};

// `policy` must outlive this call only: nothing refers to it afterwards.
TdxQuoteVerification CheckTdxQuote(std::span<const uint8_t> quote,
                                   const VerifiedIntelCollateral& collateral,
                                   const IntelTrustAnchors& anchors,
                                   const IntelVerificationOptions& options,
                                   const TdxPolicy& policy) {
  return TdxQuoteChecker(quote, policy).Run(collateral, anchors, options);
}

// The last line is a guard: no check failed and still no quote.
absl::StatusOr<VerifiedTdxQuote> VerifyTdxQuote(
    std::span<const uint8_t> quote, const VerifiedIntelCollateral& collateral,
    const IntelTrustAnchors& anchors, const IntelVerificationOptions& options,
    const TdxPolicy& policy) {
  TdxQuoteVerification result =
      CheckTdxQuote(quote, collateral, anchors, options, policy);
  if (result.quote.has_value()) {
    return *std::move(result.quote);
  }
  RETURN_IF_ERROR(FirstFailure(result.checks, "TDX quote"));
  return Internal("TDX quote: no check failed, yet nothing was verified");
}

}  // namespace constellation::attestation
