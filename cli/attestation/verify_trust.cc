// SPDX-License-Identifier: Apache-2.0
// Certificates, revocation lists and Intel's signed JSON on their own: whether
// they lead to a pinned root.
#include <fmt/format.h>

#include <algorithm>

#include "attestation/aws/nitro_verifier.h"
#include "attestation/collateral/collateral.h"
#include "attestation/gcp/ak_certificate.h"
#include "attestation/intel/collateral_json.h"
#include "attestation/intel/evaluation_numbers.h"
#include "attestation/intel/pck_chain.h"
#include "attestation/intel/trust_anchors.h"
#include "attestation/snp/snp_roots.h"
#include "cli/attestation/intel_selection.h"
#include "cli/attestation/verify_context.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

using crypto::Certificate;
using Octets = std::span<const uint8_t>;

constexpr std::string_view kChainLayer = "chain";
// Real chains have three certificates, Amazon's five. Both limits bound the
// work for files that an attacker made.
constexpr size_t kMaxChain = 6;
constexpr size_t kMaxTried = 32;
constexpr std::string_view kEvaluationNumbers = "tcbEvaluationDataNumbers";

// Whose root this is, or empty.
std::string RootName(const VerifyContext& context,
                     const Certificate& certificate) {
  const crypto::Sha256Digest key = certificate.SpkiFingerprint();
  for (const attestation::SnpRoot& root : attestation::BuiltInSnpRoots()) {
    if (root.spki_sha256 == key) {
      return fmt::format("AMD's root for {}", ToString(root.product));
    }
  }
  if (key == attestation::kIntelRootSpkiFingerprint) {
    return "Intel's root";
  }
  if (key == attestation::kGoogleEkAkRootSpki ||
      key == attestation::kGoogleTpmEkRootSpki) {
    return "Google's root";
  }
  if (key == attestation::kNitroRootG1Spki) {
    return "Amazon's root";
  }
  for (const Certificate& root : context.insecure_roots) {
    if (root.SpkiFingerprint() == key) {
      return "a root named with --insecure-root";
    }
  }
  return "";
}

// Such a certificate ends a chain, whether anybody trusts it or not.
bool SelfIssued(const Certificate& certificate) {
  return std::ranges::equal(certificate.subject_name(),
                            certificate.issuer_name());
}

// The certificate whose key signed `certificate`, or null. `named` tells
// whether there was one with the issuer's name.
const Certificate* IssuerOf(const std::vector<Certificate>& candidates,
                            const Certificate& certificate, bool& named) {
  size_t tried = 0;
  for (const Certificate& candidate : candidates) {
    if (!std::ranges::equal(candidate.subject_name(),
                            certificate.issuer_name()) ||
        !candidate.is_ca() || ++tried > kMaxTried) {
      continue;
    }
    named = true;
    if (certificate.VerifySignedBy(candidate).ok()) {
      return &candidate;
    }
  }
  return nullptr;
}

// All certificates of the set, and Intel's root, which is built in.
std::vector<Certificate> Candidates(const VerifyContext& context) {
  std::vector<Certificate> candidates;
  for (const SetCertificate& entry : context.set.certificates()) {
    candidates.push_back(entry.certificate);
  }
  if (const auto anchors = attestation::IntelTrustAnchors::Create();
      anchors.ok()) {
    for (const attestation::IntelRoot& root : anchors->roots()) {
      candidates.push_back(root.certificate);
    }
  }
  return candidates;
}

// Failed outside of notBefore to notAfter.
void AddDates(const VerifyContext& context, const Certificate& certificate,
              RowList& rows) {
  const absl::Status dates = certificate.CheckValidAt(context.now);
  rows.Add(kChainLayer, "dates", dates.ok(), "valid now",
           dates.ok() ? "as expected" : std::string(Message(dates)));
}

// Only lists that the issuer signed and that are valid now count. Without one
// there is no row: whether a list is needed is for a policy.
void AddRevocation(const VerifyContext& context, const Certificate& subject,
                   const Certificate& issuer, RowList& rows) {
  const auto key = issuer.Key();
  for (const SetCrl& entry : context.set.crls()) {
    const bool usable =
        std::ranges::equal(entry.list.issuer_name(), issuer.subject_name()) &&
        key.ok() && entry.list.VerifySignedBy(*key).ok() &&
        entry.list.CheckValidAt(context.now).ok();
    if (usable) {
      rows.Add(kChainLayer, "revocation",
               !entry.list.IsRevoked(subject.serial()), "not revoked",
               entry.list.IsRevoked(subject.serial())
                   ? "revoked by " + entry.file
                   : "as expected");
    }
  }
}

// Follows the issuers of `certificate` to a pinned root. Every step is a row.
void CheckChain(const VerifyContext& context,
                const std::vector<Certificate>& candidates,
                const Certificate& certificate, RowList& rows) {
  const Certificate* current = &certificate;
  for (size_t depth = 0; depth < kMaxChain; ++depth) {
    AddDates(context, *current, rows);
    const std::string root = RootName(context, *current);
    if (!root.empty()) {
      rows.Add(kChainLayer, "root", true, "a pinned root", root);
      return;
    }
    if (SelfIssued(*current)) {
      rows.Add(kChainLayer, "root", false, "a pinned root",
               fmt::format("{}, key {}", current->Subject(),
                           HexEncode(current->SpkiFingerprint())),
               "nobody vouches for this root here");
      return;
    }
    bool named = false;
    const Certificate* issuer = IssuerOf(candidates, *current, named);
    if (issuer == nullptr && !named) {
      rows.Unchecked(kChainLayer, "issuer", current->Issuer(),
                     "missing: certificate of the issuer",
                     "give the issuer's certificate as a file or with "
                     "--collateral");
      return;
    }
    rows.Add(kChainLayer, "signature", issuer != nullptr,
             fmt::format("by {}", current->Issuer()),
             issuer != nullptr ? "as expected"
                               : "no certificate of that name has signed it");
    if (issuer == nullptr) {
      return;
    }
    AddRevocation(context, *current, *issuer, rows);
    current = issuer;
  }
  // A chain without end: names that form a circle come here, too.
  rows.Add(kChainLayer, "length", false, "at most 6 certificates", "more");
}

FileUnit UnitOf(const std::string& file, std::string_view what) {
  FileUnit unit;
  unit.name = file;
  unit.what = std::string(what);
  return unit;
}

// Dates, then the signature of some certificate with the issuer's name, then
// that certificate's own chain.
FileUnit VerifyCrlFile(const VerifyContext& context,
                       const std::vector<Certificate>& candidates,
                       const SetCrl& entry) {
  FileUnit unit = UnitOf(entry.file, "certificate revocation list");
  RowList rows(unit.rows);
  const absl::Status dates = entry.list.CheckValidAt(context.now);
  rows.Add("CRL", "dates", dates.ok(), "valid now",
           dates.ok() ? "as expected" : std::string(Message(dates)));
  bool named = false;
  for (const Certificate& candidate : candidates) {
    if (!std::ranges::equal(candidate.subject_name(),
                            entry.list.issuer_name())) {
      continue;
    }
    named = true;
    const auto key = candidate.Key();
    if (key.ok() && entry.list.VerifySignedBy(*key).ok()) {
      rows.Add("CRL", "signature", true, "by its issuer", "as expected");
      CheckChain(context, candidates, candidate, rows);
      return unit;
    }
  }
  if (named) {
    rows.Add("CRL", "signature", false, "by its issuer",
             "no certificate of that name has signed it");
  } else {
    rows.Unchecked("CRL", "signature", entry.list.Issuer(),
                   "missing: certificate of the issuer",
                   "give the issuer's certificate as a file or with "
                   "--collateral");
  }
  return unit;
}

// Whether the document `text`, whose signed part is `body`, counts at `now`.
// One whose dates cannot be read does not: it might be of any age.
absl::Status CheckDocumentDates(std::string_view text, std::string_view body,
                                absl::Time now, std::string_view name) {
  attestation::CollateralFacts facts;
  if (name == kEvaluationNumbers) {
    ASSIGN_OR_RETURN(const attestation::TcbEvaluationNumbers numbers,
                     attestation::ParseTcbEvaluationNumbersUnverified(body));
    facts.issued = numbers.issue_date;
    facts.not_before = numbers.issue_date;
    facts.not_after = numbers.next_update;
  } else {
    ASSIGN_OR_RETURN(facts, attestation::TcbDocumentFactsUnverified(text));
  }
  return attestation::CheckFresh(facts, now, name);
}

// Intel's TCB info, identities and evaluation numbers: signed JSON whose signer
// must lead to Intel's root.
FileUnit VerifyJsonFile(const VerifyContext& context,
                        const std::vector<Certificate>& candidates,
                        const SetFile& file, std::string_view name) {
  FileUnit unit = UnitOf(file.name, fmt::format("Intel's {}", name));
  RowList rows(unit.rows);
  const std::string_view text = AsText(file.content);
  const auto document = attestation::ParseSignedJsonUnverified(text, name);
  rows.Add(
      "JSON", "format", document.ok(), "signed document",
      document.ok() ? "as expected" : std::string(Message(document.status())));
  if (!document.ok()) {
    return unit;
  }
  const absl::Status dates =
      CheckDocumentDates(text, document->body, context.now, name);
  rows.Add("JSON", "dates", dates.ok(), "valid now",
           dates.ok() ? "as expected" : std::string(Message(dates)));
  const Certificate* signer =
      SignerOf(context.set.certificates(), document->body, document->signature);
  if (signer != nullptr) {
    rows.Add("JSON", "signature", true, "by a signing certificate",
             "as expected");
    CheckChain(context, candidates, *signer, rows);
    return unit;
  }
  // A signer that is there and did not sign is a forgery; one that is not there
  // is only missing.
  const bool any = std::ranges::any_of(
      context.set.certificates(), [](const SetCertificate& entry) {
        return entry.certificate.SubjectCommonName() == "Intel SGX TCB Signing";
      });
  if (any) {
    rows.Add("JSON", "signature", false, "by a signing certificate",
             "none of those given has signed it");
  } else {
    rows.Unchecked("JSON", "signature", "by a signing certificate",
                   "missing: chain of the signer",
                   "give the TCB signing chain as a file or with "
                   "--collateral");
  }
  return unit;
}

}  // namespace

std::vector<FileUnit> VerifyTrustFiles(const VerifyContext& context) {
  const std::vector<Certificate> candidates = Candidates(context);
  std::vector<FileUnit> units;
  for (const SetCertificate& entry : context.set.certificates()) {
    if (entry.given) {
      FileUnit unit =
          UnitOf(entry.file, "certificate " + entry.certificate.Subject());
      RowList rows(unit.rows);
      CheckChain(context, candidates, entry.certificate, rows);
      units.push_back(std::move(unit));
    }
  }
  for (const SetCrl& entry : context.set.crls()) {
    if (entry.given) {
      units.push_back(VerifyCrlFile(context, candidates, entry));
    }
  }
  for (const auto& [kind, name] :
       {std::pair(FileKind::kTcbInfo, std::string_view("tcbInfo")),
        std::pair(FileKind::kEnclaveIdentity,
                  std::string_view("enclaveIdentity")),
        std::pair(FileKind::kTcbEvaluationNumbers, kEvaluationNumbers)}) {
    for (const SetFile& file : context.set.Of(kind)) {
      if (file.given) {
        units.push_back(VerifyJsonFile(context, candidates, file, name));
      }
    }
  }
  return units;
}

}  // namespace constellation::cli
