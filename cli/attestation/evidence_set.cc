// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/evidence_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "attestation/collateral/collateral_bundle.h"
#include "attestation/intel/pck_chain.h"
#include "attestation/snp/certificate_table.h"
#include "attestation/snp/snp_report.h"
#include "cli/attestation/pem.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// Bounds for folders that somebody else may have filled. A cache of one fleet
// has tens of files.
constexpr size_t kMaxFiles = 4096;
constexpr size_t kMaxTotal = size_t{256} << 20U;

// What vouches for evidence.
// Only these are kept of a folder: an old report in the cache must neither fail
// a verification nor pass for today's evidence.
bool IsCollateral(FileKind kind) {
  switch (kind) {
    case FileKind::kCertificate:
    case FileKind::kSnpCertificateTable:
    case FileKind::kRevocationList:
    case FileKind::kTcbInfo:
    case FileKind::kEnclaveIdentity:
    case FileKind::kTcbEvaluationNumbers:
    case FileKind::kCollateralBundle:
      return true;
    default:
      return false;
  }
}

}  // namespace

// Only given files: whoever named one expects it to be judged.
void EvidenceSet::Unreadable(const SetFile& file, FileKind kind,
                             absl::Status why) {
  if (file.given) {
    unreadable_.push_back({file, kind, std::move(why)});
  }
}

// All or nothing: a chain of which one certificate is malformed is not used in
// part.
void EvidenceSet::AddCertificates(const SetFile& file,
                                  std::span<const uint8_t> bytes) {
  auto certificates = CertificatesOf(bytes);
  if (!certificates.ok()) {
    Unreadable(file, FileKind::kCertificate, certificates.status());
    return;
  }
  for (crypto::Certificate& certificate : *certificates) {
    certificates_.push_back({std::move(certificate), file.name, file.given});
  }
}

// The host fills this table (GHCB specification, SNP_GUEST_REQUEST with
// certificates), so it is as untrusted as the report itself.
void EvidenceSet::AddTable(const SetFile& file,
                           std::span<const uint8_t> table) {
  const auto parsed = attestation::SnpCertificateTableUnverified::Parse(table);
  if (!parsed.ok()) {
    Unreadable(file, FileKind::kSnpCertificateTable, parsed.status());
    return;
  }
  for (const std::span<const uint8_t> der :
       {parsed->vcek, parsed->vlek, parsed->ask, parsed->ark}) {
    if (!der.empty()) {
      AddCertificates(file, der);
    }
  }
}

void EvidenceSet::AddCrl(const SetFile& file) {
  auto list = attestation::ParseCrlUnverified(file.content);
  if (!list.ok()) {
    Unreadable(file, FileKind::kRevocationList, list.status());
    return;
  }
  crls_.push_back({*std::move(list), file.name, file.given});
}

// Entries are named "<bundle>#<key>", so that a row says where a bad one lies.
// What a bundle says of its entries is not believed; their content is
// recognised anew.
void EvidenceSet::AddBundle(const SetFile& file) {
  const auto bundle =
      attestation::CollateralBundle::Parse(AsText(file.content));
  if (!bundle.ok()) {
    Unreadable(file, FileKind::kCollateralBundle, bundle.status());
    return;
  }
  for (const std::string& key : bundle->Keys()) {
    const attestation::Collateral* entry = bundle->Find(key);
    const std::string name = fmt::format("{}#{}", file.name, key);
    // A bundle in a bundle is nothing that anybody makes.
    if (RecogniseFile(entry->content).kind != FileKind::kCollateralBundle) {
      Add(name, entry->content, file.given);
    }
    if (!entry->issuer_chain.empty()) {
      Add(name, AsBytes(entry->issuer_chain), file.given);
    }
  }
}

// The kind decides what becomes of a file; its name never does.
void EvidenceSet::Add(std::string name, std::span<const uint8_t> bytes,
                      bool given) {
  RecognisedFile recognised = RecogniseFile(bytes);
  if (!given && !IsCollateral(recognised.kind)) {
    return;  // evidence that lies beside collateral was not asked about
  }
  SetFile file{.name = std::move(name),
               .content = std::move(recognised.content),
               .given = given};
  switch (recognised.kind) {
    case FileKind::kCertificate:
      AddCertificates(file, file.content);
      return;
    case FileKind::kSnpCertificateTable:
      AddTable(file, file.content);
      return;
    // Report and table are judged like two files.
    case FileKind::kSnpExtendedReport:
      AddTable(file,
               std::span(file.content).subspan(attestation::kSnpReportSize));
      file.content.resize(attestation::kSnpReportSize);
      files_[FileKind::kSnpReport].push_back(std::move(file));
      return;
    // What the guest's driver returns: a header, then the report (AMD 56860,
    // MSG_REPORT_RSP).
    case FileKind::kSnpReportResponse: {
      const auto report = attestation::UnwrapSnpReportResponse(file.content);
      if (!report.ok()) {
        Unreadable(file, recognised.kind, report.status());
        return;
      }
      file.content = Bytes(report->begin(), report->end());
      files_[FileKind::kSnpReport].push_back(std::move(file));
      return;
    }
    case FileKind::kRevocationList:
      AddCrl(file);
      return;
    case FileKind::kCollateralBundle:
      AddBundle(file);
      return;
    case FileKind::kUnknown:
      Unreadable(file, FileKind::kUnknown,
                 InvalidArgument("the kind of this file is not known"));
      return;
    default:
      break;
  }
  files_[recognised.kind].push_back(std::move(file));
}

// Names are collected before any file is read: the folder may be the cache,
// which another command changes meanwhile. A file that vanishes is an error.
absl::Status EvidenceSet::AddFolder(const std::string& path, bool given) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::is_regular_file(path, error)) {
    ASSIGN_OR_RETURN(const std::string contents,
                     ReadFile(path, kMaxAttestationFile));
    Add(path, AsBytes(contents), given);
    return absl::OkStatus();
  }
  std::vector<std::string> names;
  fs::recursive_directory_iterator entries(path, error);
  for (; !error && entries != fs::recursive_directory_iterator();
       entries.increment(error)) {
    if (entries->symlink_status(error).type() == fs::file_type::regular) {
      names.push_back(entries->path().string());
    }
    if (names.size() > kMaxFiles) {
      return absl::ResourceExhaustedError(
          fmt::format("{}: more than {} files", path, kMaxFiles));
    }
  }
  if (error) {
    return ErrnoStatus(error.value(), "read", path);
  }
  std::ranges::sort(names);  // the same result on every machine
  size_t total = 0;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const std::string contents,
                     ReadFile(name, kMaxAttestationFile));
    total += contents.size();
    if (total > kMaxTotal) {
      return absl::ResourceExhaustedError(
          fmt::format("{}: more than {} octets", path, kMaxTotal));
    }
    if (RecogniseFile(AsBytes(contents)).kind != FileKind::kUnknown) {
      Add(name, AsBytes(contents), given);
    }
  }
  return absl::OkStatus();
}

// At most 16 of one name are tried: each costs a signature, and the files may
// come from an attacker.
const crypto::Certificate* EvidenceSet::IssuerOf(
    const crypto::Certificate& certificate) const {
  constexpr size_t kMaxTried = 16;
  const crypto::Certificate* first = nullptr;
  size_t tried = 0;
  for (const SetCertificate& entry : certificates_) {
    if (!std::ranges::equal(entry.certificate.subject_name(),
                            certificate.issuer_name()) ||
        ++tried > kMaxTried) {
      continue;
    }
    if (certificate.VerifySignedBy(entry.certificate).ok()) {
      return &entry.certificate;
    }
    first = first == nullptr ? &entry.certificate : first;
  }
  return first;
}

// The empty list is never destroyed, so that references to it always hold.
const std::vector<SetFile>& EvidenceSet::Of(FileKind kind) const {
  static const std::vector<SetFile>& empty = *new std::vector<SetFile>();
  const auto found = files_.find(kind);
  return found == files_.end() ? empty : found->second;
}

}  // namespace constellation::cli
