// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "attestation/azure/azure_policy.h"
#include "attestation/azure/azure_verifier.h"
#include "attestation/eventlog/event_log.h"
#include "attestation/gcp/gcp_policy.h"
#include "attestation/gcp/gcp_verifier.h"
#include "attestation/intel/quote.h"
#include "attestation/tpm/tpm_structures.h"
#include "cli/attestation/chain_lists.h"
#include "cli/attestation/quote_inputs.h"
#include "cli/attestation/verify_context.h"
#include "common/hex.h"
#include "common/status.h"

namespace constellation::cli {
namespace {

using attestation::AzureCheckId;
using attestation::GcpCheckId;
using attestation::HclReportType;
using attestation::HclReportUnverified;
using attestation::QuoteCheckId;
using attestation::VerifiedPcrQuote;
using Octets = std::span<const uint8_t>;

constexpr std::string_view kQuoteLayer = "TPM quote";

// Rows that need what was not given.
bool NeedsMissing(QuoteCheckId id, const QuoteInputs& inputs) {
  switch (id) {
    case QuoteCheckId::kAkPublicArea:
    case QuoteCheckId::kAkAttributes:
      return inputs.ak.empty();
    case QuoteCheckId::kSignature:
      return inputs.ak.empty() || inputs.signature.empty();
    case QuoteCheckId::kPcrList:
    case QuoteCheckId::kPcrDigest:
      return !inputs.all_registers;
    default:
      return false;
  }
}

// One row for each input that is not there, with the way to get it;
// `key_comes_along`: something else carries the attestation key.
void AddMissing(const QuoteInputs& inputs, bool key_comes_along,
                RowList& rows) {
  if (inputs.signature.empty()) {
    rows.Unchecked(kQuoteLayer, "input", "signature", "missing: signature",
                   "give the file with the TPM's signature");
  }
  if (inputs.ak.empty() && !key_comes_along) {
    rows.Unchecked(kQuoteLayer, "input", "attestation key",
                   "missing: attestation key",
                   "give the key (TPMT_PUBLIC or PEM) or its certificate");
  }
  if (!inputs.all_registers) {
    rows.Unchecked(kQuoteLayer, "input", "values of the quoted registers",
                   "missing: PCR values",
                   "give the file that tpm2_quote --pcr wrote, or JSON "
                   "{\"bank\": ..., \"pcrs\": ...}");
  }
}

// Without a nonce that somebody demanded the quote was compared with itself.
void AddFreshness(const VerifyContext& context, RowList& rows) {
  if (!context.nonce.has_value()) {
    CheckNonce(context, kQuoteLayer, {}, rows);
  }
}

// The firmware's log against the registers, but for PCR 10, which grows while
// the machine runs (Linux IMA).
void AddLogRows(const VerifyContext& context, const QuoteInputs& inputs,
                RowList& rows) {
  constexpr uint32_t kImaPcr = 10;
  for (const SetFile& file : context.set.Of(FileKind::kEventLog)) {
    const auto log = attestation::ParseEventLogUnverified(file.content);
    const auto replayed =
        log.ok() ? attestation::Replay(*log, inputs.bank)
                 : absl::StatusOr<std::map<uint32_t, Bytes>>(log.status());
    rows.Add("event log", "readable", replayed.ok(), "a whole log of the bank",
             replayed.ok() ? "as expected"
                           : std::string(Message(replayed.status())));
    if (!replayed.ok()) {
      continue;
    }
    for (const auto& [index, value] : inputs.registers) {
      const auto found = replayed->find(index);
      if (found != replayed->end() && index != kImaPcr) {
        rows.Add("event log", fmt::format("PCR{}", index),
                 found->second == value, HexEncode(value),
                 HexEncode(found->second),
                 "the log does not explain the register: it was changed, or "
                 "is not the log of this boot");
      }
    }
  }
}

// The registers of the policy's profile.
void AddPcrRows(const VerifyContext& context, const QuoteInputs& inputs,
                RowList& rows) {
  const attestation::Profile& profile = *context.profile;
  for (const auto& [index, wanted] : profile.pcrs) {
    Octets got;
    for (const auto& [register_index, value] : inputs.registers) {
      if (register_index == index) {
        got = value;
      }
    }
    const bool right_bank = inputs.bank == attestation::kTpmAlgSha256;
    rows.Add("PCR policy", fmt::format("PCR{}", index),
             right_bank && std::ranges::equal(got, wanted), HexEncode(wanted),
             !right_bank   ? "another bank than SHA-256"
             : got.empty() ? "not quoted"
                           : HexEncode(got),
             fmt::format("the machine does not run what profile {} says",
                         profile.name));
  }
}

// Whose key a bare quote's is: the policy's enrolment says.
void AddKeyOwner(const VerifyContext& context, RowList& rows) {
  if (!context.set.Of(FileKind::kCose).empty()) {
    rows.Info(kQuoteLayer, "key's owner", "see the Nitro document's rows");
    return;
  }
  if (context.profile == nullptr) {
    rows.Info(kQuoteLayer, "key's owner", "not checked without a policy");
    return;
  }
  rows.Add(kQuoteLayer, "key's owner", false,
           "a key that hardware, cloud or owner vouch for", "nothing vouches",
           "give the HCL report (Azure) or the AK certificate (Google), or "
           "verify whole Constellation evidence with enrolled TPMs");
}

// What the functions for an HCL report share.
struct HclJob {
  const VerifyContext& context;
  const HclReportUnverified& hcl;
  const QuoteInputs* quote;  // null: none was given
};

// The hardware behind the HCL report; the report data that it vouches for.
Octets CheckHardware(const HclJob& job, RowList& rows) {
  if (job.hcl.type == HclReportType::kSnp) {
    CheckSnpReport(job.context, job.hcl.hardware_report, true, rows);
    return job.hcl.report_data;
  }
  for (const SetFile& file : job.context.set.Of(FileKind::kIntelQuote)) {
    CheckIntelQuoteFile(job.context, file.content, true, rows);
    const auto quote = attestation::ParseIntelQuoteUnverified(file.content);
    constexpr size_t kAt = 520, kSize = 64;
    if (quote.ok() && quote->tee == attestation::IntelTee::kTdx) {
      return quote->body.subspan(kAt, kSize);
    }
  }
  // The HCL report of a TD holds a TDREPORT, which only its CPU can check.
  rows.Unchecked("TDX", "quote", "the TD quote of the HCL report",
                 "missing: quote",
                 "give the TD quote that the machine got for this report");
  return job.hcl.report_data;
}

// Links the three layers: hardware report, runtime data with the vTPM's key,
// quote of that key. The key in the runtime data replaces a given one. The
// policy's kind of hardware follows from the profile's layers.
void AppendAzure(const HclJob& job, Octets hcl_bytes, Octets report_data,
                 RowList& rows) {
  attestation::AzureEvidenceUnverified evidence{.hcl_report = hcl_bytes,
                                                .quote = job.quote->View()};
  const attestation::AzureVerification result = attestation::CheckAzure(
      evidence, {.type = job.hcl.type, .report_data = report_data},
      job.quote->nonce);
  // The key is in the runtime data.
  QuoteInputs known = *job.quote;
  known.ak = {0};
  rows.Append(kQuoteLayer, result.quote_checks,
              [&known](QuoteCheckId id) { return NeedsMissing(id, known); });
  const bool incomplete = known.signature.empty() || !known.all_registers;
  rows.Append("Azure", result.checks, [incomplete](AzureCheckId id) {
    return id == AzureCheckId::kQuote && incomplete;
  });
  if (job.context.profile == nullptr || !result.machine.has_value()) {
    return;
  }
  if (!job.context.profile->azure.has_value()) {
    rows.Add(
        "Azure", "policy", false, "demands on Azure in the profile",
        fmt::format("profile {} has no \"azure\"", job.context.profile->name),
        "use a policy for this kind of evidence");
    return;
  }
  attestation::AzurePolicy policy = job.context.profile->azure->policy;
  policy.hardware = {job.context.profile->snp.has_value()
                         ? HclReportType::kSnp
                         : HclReportType::kTdx};
  rows.Append("Azure policy",
              attestation::AppraiseAzure(*result.machine, policy));
}

// The binding alone, if there is no quote.
void AppendBinding(const HclJob& job, Octets report_data, RowList& rows) {
  const Bytes binding =
      attestation::HclReportData(job.hcl.hash, job.hcl.runtime_data);
  rows.Add("Azure", "runtime data hash",
           std::ranges::equal(binding, report_data), HexEncode(report_data),
           HexEncode(binding),
           "the runtime data are not those that the hardware vouches for");
  if (job.context.profile != nullptr) {
    rows.Unchecked("Azure", "quote", "a quote of the vTPM", "missing: quote",
                   "give TPMS_ATTEST, signature and PCR values");
  } else {
    rows.Info("Azure", "quote", "none was given");
  }
}

// Hardware first: its report data are what all else is held against.
FileUnit VerifyHcl(const VerifyContext& context, const SetFile& file,
                   const QuoteInputs* quote) {
  FileUnit unit = UnitFor(file, "Azure HCL report");
  RowList rows(unit.rows);
  const auto hcl = attestation::ParseHclReportUnverified(file.content);
  if (!hcl.ok()) {
    rows.Add("Azure", "HCL report", false, "parses",
             std::string(Message(hcl.status())));
    return unit;
  }
  const HclJob job{.context = context, .hcl = *hcl, .quote = quote};
  const Octets report_data = CheckHardware(job, rows);
  if (quote == nullptr) {
    AppendBinding(job, report_data, rows);
    return unit;
  }
  AddMissing(*quote, true, rows);
  AppendAzure(job, file.content, report_data, rows);
  AddFreshness(context, rows);
  AddLogRows(context, *quote, rows);
  if (context.profile != nullptr) {
    AddPcrRows(context, *quote, rows);
  }
  return unit;
}

// A certificate that may be an AK's of Google: it names an instance, or its key
// is the one given.
const crypto::Certificate* AkCertificate(const EvidenceSet& set) {
  for (const SetCertificate& entry : set.certificates()) {
    if (entry.given && !entry.certificate.is_ca() &&
        attestation::GceInstanceOfUnverified(entry.certificate).ok()) {
      return &entry.certificate;
    }
  }
  return nullptr;
}

// The AK certificate names project and instance and must lead to Google's root
// through the authorities in the set.
void AppendGcp(const VerifyContext& context, const QuoteInputs& inputs,
               const crypto::Certificate& ak, RowList& rows) {
  std::vector<crypto::Certificate> candidates;
  for (const SetCertificate& entry : context.set.certificates()) {
    if (entry.certificate.is_ca()) {
      candidates.push_back(entry.certificate);
    }
  }
  const std::vector<crypto::RevocationList> lists =
      ListsFor(context.set, ChainInSet(context.set, ak), context.now);
  attestation::GcpTrust trust;
  trust.now = context.now;
  trust.crls = lists;
  for (const crypto::Certificate& root : context.insecure_roots) {
    trust.roots.push_back(root.SpkiFingerprint());
  }
  const attestation::Profile* profile = context.profile;
  if (profile != nullptr && profile->gcp.has_value()) {
    trust.roots.insert(trust.roots.end(), profile->gcp->insecure_roots.begin(),
                       profile->gcp->insecure_roots.end());
    trust.require_crls = profile->gcp->require_revocation_list;
  }
  // Google's technology (SEV, SEV-SNP, TDX) is told by the firmware's log,
  // which the quote covers.
  Bytes log;
  if (!context.set.Of(FileKind::kEventLog).empty()) {
    log = context.set.Of(FileKind::kEventLog).front().content;
  }
  const attestation::GcpVerification result = attestation::CheckGcp(
      {.ak_certificate = ak.der(), .quote = inputs.View(), .event_log = log},
      candidates, trust, inputs.nonce);
  QuoteInputs known = inputs;
  known.ak = {0};
  rows.Append("AK certificate", result.certificate_checks);
  rows.Append(kQuoteLayer, result.quote_checks,
              [&known](QuoteCheckId id) { return NeedsMissing(id, known); });
  const bool incomplete = known.signature.empty() || !known.all_registers;
  rows.Append("Google", result.checks, [incomplete](GcpCheckId id) {
    return incomplete && id != GcpCheckId::kAkCertificate;
  });
  if (profile != nullptr && !profile->gcp.has_value()) {
    rows.Add("Google", "policy", false, "demands on Google in the profile",
             fmt::format("profile {} has no \"gcp\"", profile->name),
             "use a policy for this kind of evidence");
  } else if (profile != nullptr && result.machine.has_value()) {
    rows.Append("Google policy", attestation::AppraiseGcp(
                                     *result.machine, profile->gcp->policy));
  }
}

// A quote whose key nobody vouches for can be right in itself and still be of
// any TPM, a software one included: a policy fails it.
FileUnit VerifyBareQuote(const VerifyContext& context,
                         const QuoteInputs& inputs) {
  FileUnit unit;
  unit.name = inputs.file;
  unit.what = "TPM quote";
  RowList rows(unit.rows);
  const crypto::Certificate* ak = AkCertificate(context.set);
  AddMissing(inputs, ak != nullptr, rows);
  if (ak != nullptr) {
    AppendGcp(context, inputs, *ak, rows);
  } else {
    rows.Append(
        kQuoteLayer,
        attestation::CheckPcrQuote(inputs.View(), inputs.nonce).checks,
        [&inputs](QuoteCheckId id) { return NeedsMissing(id, inputs); });
    AddKeyOwner(context, rows);
  }
  AddFreshness(context, rows);
  AddLogRows(context, inputs, rows);
  if (context.profile != nullptr) {
    AddPcrRows(context, inputs, rows);
  }
  return unit;
}

}  // namespace

// With an HCL report the first quote is its layer; further ones stand alone.
std::vector<FileUnit> VerifyTpmFiles(const VerifyContext& context) {
  std::vector<FileUnit> units;
  const std::vector<QuoteInputs> quotes = CollectQuotes(context);
  bool quote_used = false;
  for (const SetFile& file : context.set.Of(FileKind::kHclReport)) {
    const QuoteInputs* quote = quotes.empty() ? nullptr : &quotes.front();
    units.push_back(VerifyHcl(context, file, quote));
    quote_used = quote != nullptr;
  }
  for (size_t i = quote_used ? 1 : 0; i < quotes.size(); ++i) {
    units.push_back(VerifyBareQuote(context, quotes[i]));
  }
  return units;
}

}  // namespace constellation::cli
