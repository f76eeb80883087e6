// SPDX-License-Identifier: Apache-2.0
#include "attestation/snp/verify_snp.h"

#include <fmt/format.h>

#include <algorithm>

#include "attestation/snp/id_block.h"
#include "attestation/snp/snp_certificates.h"
#include "attestation/snp/snp_policy.h"
#include "cli/attestation/verify_context.h"
#include "common/hex.h"
#include "common/status.h"

namespace constellation::cli {
namespace {

using attestation::SnpCheckId;
using attestation::SnpEndorsements;
using attestation::SnpReportUnverified;
using attestation::SnpRoot;
using attestation::SnpSignerFactsUnverified;
using attestation::SnpVerification;
using crypto::Certificate;
using Octets = std::span<const uint8_t>;

constexpr std::string_view kSnpLayer = "SEV-SNP";
// More keys of one chip than anybody has.
constexpr size_t kMaxSigners = 16;

// AMD gives them these common names (AMD 57230); the chain decides later
// whether that is true.
bool IsSigner(const Certificate& certificate) {
  const auto name = certificate.SubjectCommonName();
  return name == "SEV-VCEK" || name == "SEV-VLEK";
}

// Whether the certificate is of the chip, or of the kind of key, that the
// report names.
bool Fits(const Certificate& certificate, const SnpReportUnverified& report) {
  const auto facts = SnpSignerFactsUnverified::From(certificate);
  if (!facts.ok() || facts->kind != report.signing_key) {
    return false;
  }
  return !facts->hardware_id.has_value() || report.chip_id_is_masked() ||
         attestation::SnpChipIdOf(*facts->hardware_id) == report.chip_id;
}

// Certificates that may have signed: those that were given with the evidence,
// whatever they are, else those of the collateral that fit.
std::vector<Certificate> Signers(const EvidenceSet& set,
                                 const SnpReportUnverified* report) {
  std::vector<Certificate> given;
  std::vector<Certificate> kept;
  for (const SetCertificate& entry : set.certificates()) {
    if (IsSigner(entry.certificate)) {
      if (entry.given) {
        given.push_back(entry.certificate);
      } else if (report != nullptr && Fits(entry.certificate, *report)) {
        kept.push_back(entry.certificate);
      }
    }
  }
  std::vector<Certificate>& chosen = given.empty() ? kept : given;
  if (chosen.size() > kMaxSigners) {
    chosen.erase(chosen.begin() + kMaxSigners, chosen.end());
  }
  return chosen;
}

// The list of `issuer`: one that was given, else the newest that is valid.
const crypto::RevocationList* CrlOf(const VerifyContext& context,
                                    const Certificate& issuer) {
  const crypto::RevocationList* best = nullptr;
  for (const SetCrl& entry : context.set.crls()) {
    if (!std::ranges::equal(entry.list.issuer_name(), issuer.subject_name())) {
      continue;
    }
    if (entry.given) {
      return &entry.list;
    }
    if (entry.list.CheckValidAt(context.now).ok() &&
        (best == nullptr || entry.list.ThisUpdate() > best->ThisUpdate())) {
      best = &entry.list;
    }
  }
  return best;
}

// Spans into certificates and lists of the set.
SnpEndorsements EndorsementsOf(const VerifyContext& context,
                               const Certificate& signer) {
  SnpEndorsements endorsements;
  endorsements.signer = signer.der();
  const Certificate* intermediate = context.set.IssuerOf(signer);
  if (intermediate == nullptr) {
    return endorsements;
  }
  endorsements.intermediate = intermediate->der();
  const Certificate* root = context.set.IssuerOf(*intermediate);
  if (root == nullptr) {
    return endorsements;
  }
  endorsements.root = root->der();
  if (const crypto::RevocationList* crl = CrlOf(context, *root)) {
    endorsements.crl = crl->der();
  }
  return endorsements;
}

// Roots that were named with the insecure option.
std::vector<SnpRoot> MoreRoots(const VerifyContext& context) {
  constexpr std::string_view kPrefix = "ARK-";
  std::vector<SnpRoot> roots;
  if (context.profile != nullptr && context.profile->snp.has_value()) {
    roots = context.profile->snp->policy.more_roots;
  }
  for (const Certificate& root : context.insecure_roots) {
    const std::string name = root.SubjectCommonName().value_or("");
    if (!name.starts_with(kPrefix)) {
      continue;
    }
    if (const auto product =
            attestation::SnpProductFromName(name.substr(kPrefix.size()))) {
      roots.push_back({.product = *product,
                       .spki_sha256 = root.SpkiFingerprint(),
                       .certificate_sha256 = std::nullopt});
    }
  }
  return roots;
}

// The signer with the fewest failures is reported.
size_t Failed(const SnpVerification& result) {
  return static_cast<size_t>(
      std::ranges::count(result.checks, false, &attestation::SnpCheck::passed));
}

// Checks that cannot be made without one of the certificates.
bool NeedsMissing(SnpCheckId id, const SnpEndorsements& endorsements) {
  switch (id) {
    case SnpCheckId::kReport:
    case SnpCheckId::kSignatureAlgorithm:
      return false;
    case SnpCheckId::kSignerCertificate:
    case SnpCheckId::kSigningKey:
    case SnpCheckId::kProcessor:
    case SnpCheckId::kTcb:
    case SnpCheckId::kChipId:
    case SnpCheckId::kSignature:
      return endorsements.signer.empty();
    default:
      return endorsements.signer.empty() || endorsements.intermediate.empty() ||
             endorsements.root.empty();
  }
}

// Names for what the reader has to find.
std::string MissingText(const SnpEndorsements& endorsements) {
  std::string text;
  for (const auto& [name, der] :
       {std::pair("VCEK or VLEK", endorsements.signer),
        std::pair("ASK or ASVK", endorsements.intermediate),
        std::pair("ARK", endorsements.root)}) {
    if (der.empty()) {
      text += fmt::format("{}{}", text.empty() ? "" : ", ", name);
    }
  }
  return text;
}

// The policy judges only reports whose signature held: the type of `report` is
// the proof. A profile without demands on SEV-SNP refuses.
void AddPolicyRows(const VerifyContext& context, const SnpVerification& result,
                   RowList& rows) {
  if (!context.profile->snp.has_value()) {
    rows.Add(kSnpLayer, "policy", false, "demands on SEV-SNP in the profile",
             fmt::format("profile {} has no \"sevSnp\"", context.profile->name),
             "use a policy for this kind of evidence");
    return;
  }
  if (!result.report.has_value()) {
    return;  // rows about the signature say why
  }
  const attestation::SnpPolicy policy = attestation::EffectiveSnpPolicy(
      *context.profile->snp, context.profile->name);
  for (const attestation::SnpPolicyCheck& check :
       attestation::AppraiseSnp(*result.report, policy, {})) {
    rows.Add("SEV-SNP policy", check.name, check.passed, check.expected,
             check.got, check.reason);
  }
}

}  // namespace

// Several VCEKs may lie about (one for each TCB of a chip): each is tried, and
// the best attempt makes the rows.
void CheckSnpReport(const VerifyContext& context, Octets bytes,
                    bool bound_elsewhere, RowList& rows) {
  const auto report = SnpReportUnverified::Parse(bytes);
  const std::vector<Certificate> signers =
      Signers(context.set, report.ok() ? &*report : nullptr);
  const std::vector<SnpRoot> more_roots = MoreRoots(context);
  attestation::SnpVerificationInput input{
      .report = bytes, .endorsements = {}, .options = {}};
  input.options.more_roots = more_roots;
  input.options.crl_required =
      context.profile != nullptr && context.profile->snp.has_value() &&
      context.profile->snp->policy.require_revocation_list;
  // Without any certificate: what can be said of the report alone.
  SnpVerification best = CheckSnp(input, context.now);
  SnpEndorsements used;
  for (const Certificate& signer : signers) {
    input.endorsements = EndorsementsOf(context, signer);
    SnpVerification result = CheckSnp(input, context.now);
    if (used.signer.empty() || Failed(result) < Failed(best)) {
      best = std::move(result);
      used = input.endorsements;
    }
  }
  if (const std::string missing = MissingText(used); !missing.empty()) {
    rows.Unchecked(
        kSnpLayer, "certificates", "VCEK or VLEK, ASK or ASVK, ARK",
        "missing: " + missing,
        "get them with `constellation collateral fetch` for this file, or "
        "give them as files or with --collateral");
  }
  rows.Append(kSnpLayer, best.checks,
              [&used](SnpCheckId id) { return NeedsMissing(id, used); });
  if (report.ok() && !bound_elsewhere) {
    CheckNonce(context, kSnpLayer, report->report_data, rows);
  }
  if (context.profile != nullptr) {
    AddPolicyRows(context, best, rows);
  }
}

std::vector<FileUnit> VerifySnpFiles(const VerifyContext& context) {
  std::vector<FileUnit> units;
  for (const SetFile& file : context.set.Of(FileKind::kSnpReport)) {
    if (!file.given) {
      continue;
    }
    FileUnit unit = UnitFor(file, "SEV-SNP report");
    RowList rows(unit.rows);
    CheckSnpReport(context, file.content, false, rows);
    units.push_back(std::move(unit));
  }
  return units;
}

// An ID block says what its owner signed; only the report proves that the
// firmware launched it. Of several authentications the first is taken.
std::vector<FileUnit> VerifyIdBlockFiles(const VerifyContext& context) {
  std::vector<FileUnit> units;
  const std::vector<SetFile>& blocks = context.set.Of(FileKind::kSnpIdBlock);
  const std::vector<SetFile>& auths = context.set.Of(FileKind::kSnpIdAuth);
  for (const SetFile& file : blocks) {
    FileUnit unit = UnitFor(file, "SEV-SNP ID block");
    RowList rows(unit.rows);
    if (auths.empty()) {
      rows.Unchecked(kSnpLayer, "ID block", "ID authentication",
                     "missing: ID authentication (4096 octets)",
                     "give the file that was passed to the firmware beside "
                     "the ID block");
    } else {
      const auto verified =
          attestation::VerifySnpIdBlock(file.content, auths.front().content);
      rows.Add(kSnpLayer, "ID block", verified.ok(),
               "signed by the ID key, which the author key signed",
               verified.ok() ? "as expected" : verified.status().ToString());
      // Every given report must have been launched with this block.
      for (const SetFile& report : context.set.Of(FileKind::kSnpReport)) {
        const auto parsed = SnpReportUnverified::Parse(report.content);
        if (verified.ok() && parsed.ok() && report.given) {
          const absl::Status status = verified->CheckReport(*parsed);
          rows.Add(kSnpLayer, "report of the ID block", status.ok(),
                   "what the firmware reports for this ID block",
                   status.ok() ? "as expected" : std::string(Message(status)));
        }
      }
    }
    units.push_back(std::move(unit));
  }
  if (blocks.empty()) {
    for (const SetFile& file : auths) {
      FileUnit unit = UnitFor(file, "SEV-SNP ID authentication");
      RowList(unit.rows).Unchecked(kSnpLayer, "ID block", "ID block",
                                   "missing: ID block (96 octets)",
                                   "give the ID block that it belongs to");
      units.push_back(std::move(unit));
    }
  }
  return units;
}

}  // namespace constellation::cli
