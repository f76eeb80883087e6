// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "attestation/aws/nitro_verifier.h"
#include "attestation/channel/transport/evidence_conversion.h"
#include "attestation/intel/quote.h"
#include "attestation/policy/collateral_provider.h"
#include "cli/attestation/chain_lists.h"
#include "cli/attestation/intel_selection.h"
#include "cli/attestation/verify_context.h"
#include "common/hex.h"
#include "common/status.h"
#include "proto/attestation.pb.h"

namespace constellation::cli {
namespace {

using attestation::Appraisal;
using attestation::CheckRow;
using attestation::CheckVerdict;
using crypto::Certificate;
using Octets = std::span<const uint8_t>;

// What Appraise() is given of the set for one piece of evidence.
struct OwnCollateral {
  attestation::AppraisalCollateral collateral;
  // What is kept but too old, or missing in part; empty if nothing is.
  std::string lacking;
};

void NoteLack(std::string_view what, std::string& lacking) {
  lacking += fmt::format("{}{}", lacking.empty() ? "" : "; ", what);
}

// Certificates whose lists may be asked for: those of the set, and those that
// the evidence brings.
std::vector<Certificate> KnownCertificates(
    const EvidenceSet& set, const attestation::Evidence& evidence) {
  std::vector<Certificate> known;
  for (const SetCertificate& entry : set.certificates()) {
    known.push_back(entry.certificate);
  }
  for (const Bytes& endorsement : evidence.endorsements) {
    if (auto certificate = Certificate::FromDer(endorsement);
        certificate.ok()) {
      known.push_back(*std::move(certificate));
    } else if (auto chain = attestation::NitroChainUnverified(endorsement);
               chain.ok()) {
      known.insert(known.end(), chain->begin(), chain->end());
    }
  }
  return known;
}

// Whether somebody gave Intel's documents with the evidence: then they are
// meant, and too old ones are a failure.
bool IntelIsGiven(const EvidenceSet& set) {
  const auto given = [&set](FileKind kind) {
    return std::ranges::any_of(set.Of(kind), &SetFile::given);
  };
  return given(FileKind::kTcbInfo) || given(FileKind::kEnclaveIdentity);
}

OwnCollateral CollateralFor(const VerifyContext& context,
                            const attestation::Evidence& evidence) {
  OwnCollateral found;
  for (const SetCertificate& entry : context.set.certificates()) {
    found.collateral.certificates.push_back(entry.certificate);
  }
  found.collateral.crls = ListsFor(
      context.set, KnownCertificates(context.set, evidence), context.now);
  for (const SetCrl& entry : context.set.crls()) {
    if (!entry.given && !entry.list.CheckValidAt(context.now).ok()) {
      NoteLack(fmt::format("the list of {} that is kept is not valid now",
                           entry.list.Issuer()),
               found.lacking);
    }
  }
  const auto quote =
      attestation::ParseIntelQuoteUnverified(evidence.hardware_report);
  if (quote.ok()) {
    IntelSelection selection = SelectIntelCollateral(context, *quote);
    if (selection.missing.empty()) {
      found.collateral.intel.push_back(std::move(selection.collateral));
    } else {
      NoteLack("missing: " + selection.missing, found.lacking);
    }
  }
  return found;
}

// Intel's documents are judged with the policy's grace, so only the rows tell
// that they are too old.
bool HasOldIntelCollateral(const Appraisal& appraisal) {
  return std::ranges::any_of(appraisal.rows, [](const CheckRow& row) {
    return row.layer == "collateral" && row.name == "collateral dates" &&
           row.verdict == CheckVerdict::kFailed;
  });
}

// Whether a row failed because collateral is not there. Texts decide only which
// of two refusals of success is told.
bool LacksCollateral(const CheckRow& row) {
  return row.verdict == CheckVerdict::kFailed &&
         (row.layer == "collateral" || row.got.starts_with("none was given") ||
          row.got.find("not checked") != std::string::npos);
}

// Whether a row that failed may have done so because another one did.
bool MayFollow(const CheckRow& row) {
  return row.verdict != CheckVerdict::kFailed || LacksCollateral(row) ||
         row.name == "AK vouched for" || row.got.starts_with("not available");
}

// Of rows that failed for want of collateral nobody knows how they would end;
// one other failure is enough for a refusal.
bool IsUndecided(const Appraisal& appraisal, const std::string& lacking) {
  return !appraisal.accepted && !lacking.empty() &&
         attestation::MayBeMissingCollateral(appraisal.rows) &&
         std::ranges::any_of(appraisal.rows, LacksCollateral) &&
         std::ranges::all_of(appraisal.rows, MayFollow);
}

// What is not known to have passed counts as failed.
FileRow FromCheckRow(const CheckRow& row, bool undecided) {
  RowVerdict verdict = undecided ? RowVerdict::kUnchecked : RowVerdict::kFailed;
  if (row.verdict == CheckVerdict::kPassed) {
    verdict = RowVerdict::kPassed;
  } else if (row.verdict == CheckVerdict::kInfo) {
    verdict = RowVerdict::kInfo;
  }
  return {row.layer, row.name, row.expected, row.got, verdict, row.advice};
}

// The rows of one appraisal; returns the profile it speaks of.
std::string AppraiseOwn(const VerifyContext& context,
                        const VerifyFilesOptions& options,
                        const attestation::Evidence& evidence, FileUnit& unit) {
  RowList rows(unit.rows);
  OwnCollateral own = CollateralFor(context, evidence);
  const Appraisal appraisal =
      attestation::Appraise(evidence, *options.nonce, options.cluster,
                            *options.policy, own.collateral, options.now);
  if (HasOldIntelCollateral(appraisal) && !IntelIsGiven(context.set)) {
    NoteLack("Intel's collateral that is kept is not valid now", own.lacking);
  }
  const bool undecided = IsUndecided(appraisal, own.lacking);
  for (const CheckRow& row : appraisal.rows) {
    unit.rows.push_back(FromCheckRow(row, undecided));
  }
  if (undecided) {
    rows.Unchecked("collateral", "available", "what vendors publish, valid now",
                   own.lacking,
                   "get it with `constellation collateral fetch` for this file "
                   "and give the folder with --collateral");
  }
  rows.Info("verdict", "rests on", appraisal.rests_on);
  for (const attestation::TcbAnswer& answer : appraisal.tcb_report) {
    rows.Info(
        "TCB report", answer.requirement,
        fmt::format("{}: {}", answer.met ? "met" : "not met", answer.why));
  }
  return appraisal.profile;
}

}  // namespace

std::vector<FileUnit> VerifyOwnEvidence(const VerifyContext& context,
                                        const VerifyFilesOptions& options,
                                        std::string& profile) {
  std::vector<FileUnit> units;
  for (const SetFile& file : context.set.Of(FileKind::kEvidence)) {
    FileUnit unit = UnitFor(file, "Constellation evidence");
    RowList rows(unit.rows);
    v1::Evidence proto;
    const bool parsed = proto.ParseFromArray(
        file.content.data(), static_cast<int>(file.content.size()));
    const auto evidence =
        parsed ? attestation::EvidenceFromProto(proto)
               : absl::StatusOr<attestation::Evidence>(
                     InvalidArgument("not the message Evidence"));
    if (!evidence.ok()) {
      rows.Add("evidence", "format", false, "the message Evidence",
               std::string(Message(evidence.status())));
    } else if (options.policy == nullptr || !options.nonce.has_value()) {
      rows.Unchecked("evidence", "appraisal", "policy and nonce",
                     "missing: policy or nonce",
                     "give --policy, and with --nonce the 64 octets of user "
                     "data that the evidence was made for");
    } else {
      profile = AppraiseOwn(context, options, *evidence, unit);
    }
    units.push_back(std::move(unit));
  }
  return units;
}

}  // namespace constellation::cli
