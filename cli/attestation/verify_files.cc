// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/verify_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "attestation/eventlog/event_log.h"
#include "cli/attestation/verify_context.h"
#include "common/hex.h"
#include "common/status.h"

namespace constellation::cli {
namespace {

using attestation::Profile;
using Octets = std::span<const uint8_t>;

// Moves `more` to the end of `units`.
void AppendUnits(std::vector<FileUnit> more, std::vector<FileUnit>& units) {
  std::ranges::move(more, std::back_inserter(units));
}

// Files that are no evidence alone, and of which nothing else spoke.
constexpr FileKind kSupporting[] = {
    FileKind::kTpmSignature,   FileKind::kTpmPublic,   FileKind::kPcrFile,
    FileKind::kPcrJson,        FileKind::kEventLog,    FileKind::kCcelTable,
    FileKind::kPublicKey,      FileKind::kFirmware,    FileKind::kPolicy,
    FileKind::kEcdsaSignature, FileKind::kRawSignature};

// Such files get a unit whose rows are unchecked: a run with nothing but a log
// must not end with success.
void AddSupporting(const EvidenceSet& set, std::span<const FileKind> kinds,
                   std::vector<FileUnit>& units) {
  for (const FileKind kind : kinds) {
    for (const SetFile& file : set.Of(kind)) {
      if (!file.given) {
        continue;
      }
      FileUnit unit = UnitFor(file, ToString(kind));
      RowList rows(unit.rows);
      if (kind == FileKind::kEventLog) {
        const absl::Status status =
            attestation::ReadEventLogUnverified(file.content).status;
        rows.Add("event log", "readable", status.ok(), "a whole log",
                 status.ok() ? "as expected" : std::string(Message(status)));
      }
      rows.Unchecked("evidence", "meaning", "evidence",
                     fmt::format("{} proves nothing alone", ToString(kind)),
                     "give the evidence that it belongs to, too");
      units.push_back(std::move(unit));
    }
  }
}

// Unchecked, not failed: the file may be evidence of a kind that a newer
// version knows.
void AddUnreadable(const EvidenceSet& set, std::vector<FileUnit>& units) {
  for (const auto& [file, why] : set.unreadable()) {
    FileUnit unit = UnitFor(file, "file");
    RowList(unit.rows).Unchecked(
        "file", "kind", "a file of attestation", std::string(Message(why)),
        "`constellation attestation show` tells what is known here");
    units.push_back(std::move(unit));
  }
}

// What the profile demands but nobody gave.
void AddMissingLayers(const EvidenceSet& set, const Profile& profile,
                      bool partial, std::vector<FileUnit>& units) {
  const bool hcl = !set.Of(FileKind::kHclReport).empty();
  const bool snp = hcl || !set.Of(FileKind::kSnpReport).empty();
  const bool quote = !set.Of(FileKind::kIntelQuote).empty();
  const bool tpm = !set.Of(FileKind::kTpmAttest).empty();
  const bool cose = !set.Of(FileKind::kCose).empty();
  FileUnit unit;
  unit.name = "profile " + profile.name;
  unit.what = "layers of the evidence";
  RowList rows(unit.rows);
  const auto demand = [&rows, partial](bool wanted, bool there,
                                       const char* what) {
    if (wanted && !there && partial) {
      rows.Info("evidence", what,
                fmt::format("NOT CHECKED, missing: {}", what));
      rows.Add("evidence", "partial", true, "--partial", "--partial");
    } else if (wanted && !there) {
      rows.Unchecked("evidence", what, what, fmt::format("missing: {}", what),
                     "give every layer of the evidence that the profile names, "
                     "or --partial to judge the others alone");
    }
  };
  demand(profile.snp.has_value(), snp, "SEV-SNP report");
  demand(profile.tdx.has_value() || profile.sgx.has_value(), quote,
         "Intel quote");
  demand(profile.azure.has_value(), hcl, "HCL report");
  demand(profile.aws.has_value(), cose, "Nitro document");
  demand(!profile.pcrs.empty() || profile.gcp.has_value(), tpm, "TPM quote");
  if (!unit.rows.empty()) {
    units.push_back(std::move(unit));
  }
}

// Both ends belong to the time of validity.
bool ValidAt(const Profile& profile, absl::Time now) {
  return (!profile.not_before.has_value() || *profile.not_before <= now) &&
         (!profile.not_after.has_value() || now <= *profile.not_after);
}

// Distance to a profile: rows that failed or could not be checked.
size_t Bad(const std::vector<FileUnit>& units) {
  size_t bad = 0;
  for (const FileUnit& unit : units) {
    bad += static_cast<size_t>(
        std::ranges::count_if(unit.rows, [](const FileRow& row) {
          return row.verdict >= RowVerdict::kUnchecked;
        }));
  }
  return bad;
}

// Everything against one profile. Trust files are judged on their own only if
// there is no evidence: beside evidence they are its collateral.
std::vector<FileUnit> VerifyWith(const VerifyContext& context) {
  std::vector<FileUnit> units;
  for (std::vector<FileUnit> (*verify)(const VerifyContext&) :
       {&VerifySnpFiles, &VerifyIdBlockFiles, &VerifyIntelFiles,
        &VerifyTdReportFiles, &VerifyTpmFiles, &VerifyNitroFiles}) {
    AppendUnits(verify(context), units);
  }
  if (!context.set.Of(FileKind::kEvidence).empty()) {
    return units;  // has its own appraisal
  }
  const EvidenceSet& set = context.set;
  const bool partial = context.partial && !units.empty();
  if (units.empty()) {
    units = VerifyTrustFiles(context);
    AddSupporting(set, kSupporting, units);
  } else if (set.Of(FileKind::kTpmAttest).empty() &&
             set.Of(FileKind::kIntelQuote).empty()) {
    // A log beside evidence that does not cover it must not look verified.
    constexpr FileKind kLog[] = {FileKind::kEventLog};
    AddSupporting(set, kLog, units);
  }
  if (context.profile != nullptr) {
    AddMissingLayers(set, *context.profile, partial, units);
  }
  return units;
}

}  // namespace

// A prefix is enough only if nothing but zeros follows: otherwise a short nonce
// would fit many reports. An empty nonce fits nothing.
void CheckNonce(const VerifyContext& context, std::string_view layer,
                Octets got, RowList& rows) {
  if (context.nonce.has_value()) {
    const Bytes& nonce = *context.nonce;
    const bool fits =
        !nonce.empty() && nonce.size() <= got.size() &&
        std::ranges::equal(nonce, got.first(nonce.size())) &&
        std::ranges::all_of(got.subspan(nonce.size()),
                            [](uint8_t octet) { return octet == 0; });
    rows.Add(layer, "nonce", fits, HexEncode(nonce), HexEncode(got),
             "the evidence was made for somebody else or at another time");
    return;
  }
  if (context.insecure_any_nonce || context.profile == nullptr) {
    rows.Info(layer, "nonce", "not checked: the evidence may be old");
    return;
  }
  rows.Unchecked(layer, "nonce", "the nonce that was asked with",
                 "missing: --nonce",
                 "give --nonce HEX, or --insecure-any-nonce if old evidence "
                 "is as good as new");
}

FileUnit UnitFor(const SetFile& file, std::string_view what) {
  FileUnit unit;
  unit.name = file.name;
  unit.what = std::string(what);
  return unit;
}

// Every profile is tried and the closest one is reported: "which line is wrong"
// helps more than "no profile fits". Rows of different profiles are never
// mixed, so no evidence passes by satisfying each of two profiles in part.
FileReport VerifyFiles(const EvidenceSet& set,
                       const VerifyFilesOptions& options) {
  FileReport report;
  report.time = options.now;
  report.without_policy = options.policy == nullptr;
  VerifyContext context{.set = set,
                        .now = options.now,
                        .nonce = options.nonce,
                        .insecure_any_nonce = options.insecure_any_nonce,
                        .insecure_roots = options.insecure_roots,
                        .profile = nullptr,
                        .partial = options.partial};
  if (options.policy == nullptr) {
    report.units = VerifyWith(context);
  } else {
    // The first of equally close profiles wins, as they stand in the policy.
    size_t least = SIZE_MAX;
    for (const Profile& profile : options.policy->profiles()) {
      context.profile = &profile;
      std::vector<FileUnit> units = VerifyWith(context);
      if (!ValidAt(profile, options.now)) {
        FileUnit& unit = units.emplace_back();
        unit.name = "profile " + profile.name;
        unit.what = "validity";
        RowList(unit.rows).Add("profile", "validity", false, "valid now",
                               "outside of notBefore to notAfter",
                               "use a policy that is in force");
      }
      if (Bad(units) < least) {
        least = Bad(units);
        report.units = std::move(units);
        report.profile = profile.name;
      }
    }
  }
  AppendUnits(VerifyOwnEvidence(context, options, report.profile),
              report.units);
  AddUnreadable(set, report.units);
  return report;
}

// Without policy and without nonce: collateral has neither.
FileReport VerifyCollateral(const EvidenceSet& set,
                            const VerifyFilesOptions& options) {
  FileReport report;
  report.time = options.now;
  report.without_policy = true;
  report.units = VerifyTrustFiles({.set = set,
                                   .now = options.now,
                                   .nonce = std::nullopt,
                                   .insecure_any_nonce = false,
                                   .insecure_roots = options.insecure_roots,
                                   .profile = nullptr,
                                   .partial = false});
  AddUnreadable(set, report.units);
  return report;
}

}  // namespace constellation::cli
