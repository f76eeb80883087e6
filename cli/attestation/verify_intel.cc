// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "attestation/intel/collateral.h"
#include "attestation/intel/collateral_json.h"
#include "attestation/intel/quote_verifier.h"
#include "attestation/sgx/sgx_quote.h"
#include "attestation/tdx/ccel.h"
#include "attestation/tdx/td_report_struct.h"
#include "attestation/tdx/tdx_quote.h"
#include "cli/attestation/intel_selection.h"
#include "cli/attestation/verify_context.h"
#include "common/hex.h"
#include "common/status.h"

namespace constellation::cli {
namespace {

using attestation::IntelCheckId;
using attestation::IntelCollateralVerification;
using attestation::IntelQuoteUnverified;
using attestation::IntelTee;
using attestation::IntelTrustAnchors;
using attestation::IntelVerificationOptions;
using Octets = std::span<const uint8_t>;

// The word for the layer in rows.
std::string_view LayerOf(IntelTee tee) {
  return tee == IntelTee::kTdx ? "TDX" : "SGX";
}

// What the quote signs for its maker: report data of the body.
Octets ReportDataOf(const IntelQuoteUnverified& quote) {
  constexpr size_t kSize = 64, kTdAt = 520, kEnclaveAt = 320;
  const size_t at = quote.tee == IntelTee::kTdx ? kTdAt : kEnclaveAt;
  return quote.body.subspan(at, kSize);
}

// Rows of the policy's TDX or SGX part alone: those of the quote came before.
// The checks are numbered in the order in which they are made: those of a
// policy follow those of the quote.
template <typename Verification>
void AppendPolicyRows(std::string_view layer, const Verification& result,
                      RowList& rows) {
  std::vector<attestation::IntelCheck> policy_rows;
  for (const attestation::IntelCheck& check : result.checks) {
    if (check.id >= IntelCheckId::kPolicyComplete) {
      policy_rows.push_back(check);
    }
  }
  rows.Append(fmt::format("{} policy", layer), policy_rows);
}

// What the functions below share about one quote. Refers to objects of
// CheckIntelQuoteFile().
struct QuoteJob {
  const VerifyContext& context;
  Octets bytes;
  const IntelQuoteUnverified& quote;
  const IntelTrustAnchors& anchors;
  IntelVerificationOptions options;
};

// The policy asks for report data; freshness has a row of its own here, so the
// quote's own are filled in.
attestation::IntelReportData OwnReportData(const IntelQuoteUnverified& quote) {
  attestation::IntelReportData data{};
  std::ranges::copy(ReportDataOf(quote), data.begin());
  return data;
}

// A profile without demands on this TEE refuses the quote: a policy for SEV-SNP
// must not accept any TDX machine.
void AddPolicyRows(const QuoteJob& job,
                   const attestation::VerifiedIntelCollateral& collateral,
                   RowList& rows) {
  const attestation::Profile& profile = *job.context.profile;
  const std::string_view layer = LayerOf(job.quote.tee);
  if (job.quote.tee == IntelTee::kTdx && profile.tdx.has_value()) {
    attestation::TdxPolicy policy = profile.tdx->policy;
    policy.report_data = OwnReportData(job.quote);
    AppendPolicyRows(
        layer,
        attestation::CheckTdxQuote(job.bytes, collateral, job.anchors,
                                   job.options, policy),
        rows);
    return;
  }
  if (job.quote.tee == IntelTee::kSgx && profile.sgx.has_value()) {
    attestation::SgxPolicy policy = profile.sgx->policy;
    policy.report_data = OwnReportData(job.quote);
    AppendPolicyRows(
        layer,
        attestation::CheckSgxQuote(job.bytes, collateral, job.anchors,
                                   job.options, policy),
        rows);
    return;
  }
  rows.Add(layer, "policy", false,
           fmt::format("demands on {} in the profile", layer),
           fmt::format("profile {} has none", profile.name),
           "use a policy for this kind of evidence");
}

// Collateral that fails its own checks is not used: the quote is then verified
// as far as its chain alone allows, and the failed rows stay.
void CheckWithCollateral(const QuoteJob& job,
                         const attestation::IntelCollateral& collateral,
                         RowList& rows) {
  const std::string_view layer = LayerOf(job.quote.tee);
  const IntelCollateralVerification verification =
      attestation::CheckIntelCollateral(collateral, job.anchors,
                                        job.context.now,
                                        job.options.collateral_grace);
  rows.Append(fmt::format("{} collateral", layer), verification.checks);
  // The type of `collateral` is the proof that it was verified.
  if (!verification.collateral.has_value()) {
    rows.Append(layer, attestation::CheckIntelQuoteChain(job.bytes, job.anchors,
                                                         job.options)
                           .checks);
    return;
  }
  const attestation::IntelQuoteVerification result =
      attestation::CheckIntelQuote(job.bytes, *verification.collateral,
                                   job.anchors, job.options);
  rows.Append(layer, result.checks);
  if (result.evaluation_unverified.has_value()) {
    rows.Info(layer, "TCB status",
              std::string(ToString(result.evaluation_unverified->status)));
  }
  if (job.context.profile != nullptr) {
    AddPolicyRows(job, *verification.collateral, rows);
  }
}

// Without collateral neither revocation nor TCB status is known. That is
// information only if there is no policy and nobody gave any; with a policy it
// keeps the verdict from success.
void AddQuoteRows(const QuoteJob& job, RowList& rows) {
  const std::string_view layer = LayerOf(job.quote.tee);
  const IntelSelection selection =
      SelectIntelCollateral(job.context, job.quote);
  if (selection.missing.empty()) {
    CheckWithCollateral(job, selection.collateral, rows);
    return;
  }
  rows.Append(layer, attestation::CheckIntelQuoteChain(job.bytes, job.anchors,
                                                       job.options)
                         .checks);
  const std::string got = "missing: " + selection.missing;
  if (job.context.profile == nullptr && selection.nothing_given) {
    rows.Info(layer, "revocation, TCB", "not checked; " + got);
    return;
  }
  rows.Unchecked(
      layer, "collateral",
      fmt::format(
          "TCB info, QE identity, their signer's chain, CRLs"
          " of root and PCK CA{}",
          selection.fmspc.empty() ? "" : " for FMSPC " + selection.fmspc),
      got,
      "get them with `constellation collateral fetch` for this file and "
      "give the folder with --collateral");
}

// Event logs of the TD, held against the quote's registers.
void AddLogRows(const VerifyContext& context, const IntelQuoteUnverified& quote,
                RowList& rows) {
  const auto report = attestation::ParseTdReportUnverified(quote.body);
  if (quote.tee != IntelTee::kTdx || !report.ok() ||
      !context.set.Of(FileKind::kTpmAttest).empty()) {
    return;
  }
  for (const SetFile& log : context.set.Of(FileKind::kEventLog)) {
    rows.Append("event log",
                attestation::CompareCcelUnverified(log.content, *report));
  }
}

}  // namespace

// The grace period for expired collateral is the policy's; without a policy
// there is none.
void CheckIntelQuoteFile(const VerifyContext& context, Octets bytes,
                         bool bound_elsewhere, RowList& rows) {
  const auto quote = attestation::ParseIntelQuoteUnverified(bytes);
  if (!quote.ok()) {
    rows.Add("Intel", "quote format", false, "a quote of version 3 to 5",
             std::string(Message(quote.status())));
    return;
  }
  const std::vector<crypto::Certificate> roots = IntelRoots(context);
  const auto anchors = IntelTrustAnchors::Create(roots);
  if (!anchors.ok()) {
    rows.Add("Intel", "roots", false, "usable roots",
             std::string(Message(anchors.status())));
    return;
  }
  const Bytes chain = PckChainFor(context.set);
  QuoteJob job{.context = context,
               .bytes = bytes,
               .quote = *quote,
               .anchors = *anchors,
               .options = {.now = context.now,
                           .collateral_grace = absl::ZeroDuration(),
                           .cache = nullptr,
                           .pck_chain = chain}};
  if (context.profile != nullptr) {
    const attestation::Profile& profile = *context.profile;
    job.options.collateral_grace =
        profile.tdx.has_value()   ? profile.tdx->policy.tcb.collateral_grace
        : profile.sgx.has_value() ? profile.sgx->policy.tcb.collateral_grace
                                  : absl::ZeroDuration();
  }
  AddQuoteRows(job, rows);
  if (!bound_elsewhere) {
    CheckNonce(context, LayerOf(quote->tee), ReportDataOf(*quote), rows);
  }
  AddLogRows(context, *quote, rows);
}

std::vector<FileUnit> VerifyIntelFiles(const VerifyContext& context) {
  std::vector<FileUnit> units;
  // With an HCL report the quote is a layer of that.
  const bool bound = !context.set.Of(FileKind::kHclReport).empty();
  for (const SetFile& file : context.set.Of(FileKind::kIntelQuote)) {
    if (file.given && !bound) {
      FileUnit unit = UnitFor(file, "Intel quote");
      RowList rows(unit.rows);
      CheckIntelQuoteFile(context, file.content, false, rows);
      units.push_back(std::move(unit));
    }
  }
  return units;
}

// A TDREPORT is authenticated by a MAC that only its own CPU can check (Intel
// TDX, SEAMREPORT), so the quote made from it has to vouch.
std::vector<FileUnit> VerifyTdReportFiles(const VerifyContext& context) {
  std::vector<FileUnit> units;
  for (const SetFile& file : context.set.Of(FileKind::kTdReport)) {
    FileUnit unit = UnitFor(file, "TDREPORT");
    RowList rows(unit.rows);
    const auto report =
        attestation::ParseTdReportStructUnverified(file.content);
    rows.Add(
        "TDX", "structure", report.ok(), "hashes of its own parts",
        report.ok() ? "as expected" : std::string(Message(report.status())));
    // Every quote of the set is compared: the report must be of one TD with
    // them.
    bool compared = false;
    for (const SetFile& other : context.set.Of(FileKind::kIntelQuote)) {
      const auto quote = attestation::ParseIntelQuoteUnverified(other.content);
      if (!quote.ok() || !report.ok()) {
        continue;
      }
      const auto body = attestation::ParseTdReportUnverified(quote->body);
      const absl::Status same =
          body.ok() ? attestation::CheckSameTd(report->report, *body)
                    : body.status();
      rows.Add("TDX", "same TD as the quote", same.ok(), "equal fields",
               same.ok() ? "as expected" : std::string(Message(same)));
      compared = true;
    }
    if (!compared) {
      rows.Unchecked("TDX", "authenticity", "a quote of the same TD",
                     "missing: quote",
                     "only the same processor can check a TDREPORT; give the "
                     "quote that was made from it");
    }
    units.push_back(std::move(unit));
  }
  return units;
}

}  // namespace constellation::cli
