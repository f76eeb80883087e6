// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/verify_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "attestation/eventlog/event_log.h"
#include "attestation/intel/collateral_json.h"
#include "attestation/intel/enclave_identity.h"
#include "attestation/intel/evaluation_numbers.h"
#include "attestation/intel/tcb_info.h"
#include "attestation/tpm/tpm_structures.h"
#include "cli/attestation/pem.h"
#include "cli/attestation/quote_inputs.h"
#include "cli/attestation/verify_context.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

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

// Somebody named the file and expects it to be judged: damaged is not missing.
void AddDamaged(const SetFile& file, FileKind kind, const absl::Status& why,
                std::vector<FileUnit>& units) {
  FileUnit unit = UnitFor(file, ToString(kind));
  RowList(unit.rows).Add("file", "format", false, "a whole file of this kind",
                         std::string(Message(why)),
                         "it is damaged: get it again from where it came from");
  units.push_back(std::move(unit));
}

// What is of no known kind is unchecked, not failed: it may be evidence of a
// kind that a newer version knows.
void AddUnreadable(const EvidenceSet& set, std::vector<FileUnit>& units) {
  for (const UnreadableFile& unreadable : set.unreadable()) {
    if (unreadable.kind != FileKind::kUnknown) {
      AddDamaged(unreadable.file, unreadable.kind, unreadable.why, units);
      continue;
    }
    FileUnit unit = UnitFor(unreadable.file, "file");
    RowList(unit.rows).Unchecked(
        "file", "kind", "a file of attestation",
        std::string(Message(unreadable.why)),
        "`constellation attestation show` tells what is known here");
    units.push_back(std::move(unit));
  }
}

// Whether one of the files that evidence is verified with can be read. The
// verifiers leave out what cannot, as if nobody had given it.
absl::Status CheckReadable(const SetFile& file, FileKind kind) {
  const std::string_view text = AsText(file.content);
  const auto body = [text](std::string_view name) {
    return attestation::ParseSignedJsonUnverified(text, name);
  };
  switch (kind) {
    case FileKind::kTcbInfo: {
      ASSIGN_OR_RETURN(const auto document, body("tcbInfo"));
      return attestation::ParseTcbInfoUnverified(document.body).status();
    }
    case FileKind::kEnclaveIdentity: {
      ASSIGN_OR_RETURN(const auto document, body("enclaveIdentity"));
      return attestation::ParseEnclaveIdentityUnverified(document.body)
          .status();
    }
    case FileKind::kTcbEvaluationNumbers: {
      ASSIGN_OR_RETURN(const auto document, body("tcbEvaluationDataNumbers"));
      return attestation::ParseTcbEvaluationNumbersUnverified(document.body)
          .status();
    }
    case FileKind::kTpmSignature:
      return attestation::ParseSignatureUnverified(file.content).status();
    case FileKind::kTpmPublic:
      return attestation::ParsePublicAreaUnverified(file.content).status();
    case FileKind::kPcrJson:
      return ParsePcrJson(text).status();
    case FileKind::kPublicKey:
      return SpkiOf(file.content).status();
    default:
      return absl::OkStatus();
  }
}

// What CheckReadable() knows; documents on their own are VerifyTrustFiles()'s.
constexpr FileKind kInputs[] = {FileKind::kTpmSignature,
                                FileKind::kTpmPublic,
                                FileKind::kPcrJson,
                                FileKind::kPublicKey,
                                FileKind::kTcbInfo,
                                FileKind::kEnclaveIdentity,
                                FileKind::kTcbEvaluationNumbers};
constexpr std::span<const FileKind> kInputsAlone =
    std::span<const FileKind>(kInputs).first(4);

// Units for given files of `kinds` that CheckReadable() refuses.
void AddUnreadableInputs(const EvidenceSet& set,
                         std::span<const FileKind> kinds,
                         std::vector<FileUnit>& units) {
  for (const FileKind kind : kinds) {
    for (const SetFile& file : set.Of(kind)) {
      const absl::Status readable = CheckReadable(file, kind);
      if (file.given && !readable.ok()) {
        AddDamaged(file, kind, readable, units);
      }
    }
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
  const EvidenceSet& set = context.set;
  const bool own = !set.Of(FileKind::kEvidence).empty();
  const bool partial = context.partial && !units.empty();
  const bool alone = units.empty() && !own;
  AddUnreadableInputs(
      set, alone ? kInputsAlone : std::span<const FileKind>(kInputs), units);
  if (own) {
    return units;  // has its own appraisal
  }
  if (alone) {
    AppendUnits(VerifyTrustFiles(context), units);
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
