// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_ATTESTATION_EVIDENCE_SET_H_
#define CONSTELLATION_CLI_ATTESTATION_EVIDENCE_SET_H_

#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/attestation/file_kind.h"
#include "crypto/crl.h"
#include "crypto/x509.h"

namespace constellation::cli {

// A certificate and where it came from.
struct SetCertificate {
  crypto::Certificate certificate;
  std::string file;
  bool given = false;  // with the evidence, not in the collateral folder
};

// A revocation list and where it came from.
struct SetCrl {
  crypto::RevocationList list;
  std::string file;
  bool given = false;
};

// A file of one kind.
struct SetFile {
  std::string name;
  Bytes content;
  bool given = false;
};

// A file that could not be read, and why. Of a known kind it is damaged.
struct UnreadableFile {
  SetFile file;
  FileKind kind = FileKind::kUnknown;
  absl::Status why;
};

// Files sorted by what they are. Unverified, all of it. Not thread-safe while
// it grows.
class EvidenceSet final {
 public:
  // Adds a file: one that was `given` as evidence, or found in a folder of
  // collateral. Of the latter only collateral is kept, evidence is not, and
  // what cannot be read is skipped. What is wrapped is unwrapped: certificates
  // of a table, of a chain, of a bundle.
  void Add(std::string name, std::span<const uint8_t> bytes, bool given);
  // Adds every regular file below `path` (or the file `path` itself), what is
  // not recognised left out: at most 4096 files of at most 32 MiB, 256 MiB in
  // all, and not through symbolic links. Codes of ErrnoStatus(),
  // RESOURCE_EXHAUSTED beyond the limits.
  absl::Status AddFolder(const std::string& path, bool given = false);

  // Files of `kind` that are evidence themselves.
  const std::vector<SetFile>& Of(FileKind kind) const;
  const std::vector<SetCertificate>& certificates() const {
    return certificates_;
  }
  const std::vector<SetCrl>& crls() const { return crls_; }
  // The certificate whose name is the issuer's of `certificate`: of several
  // (test roots are called like real ones) the one whose key signed it, else
  // the first; null if there is none. Selects, does not verify.
  const crypto::Certificate* IssuerOf(
      const crypto::Certificate& certificate) const;
  // Given files that could not be read, with the reason.
  const std::vector<UnreadableFile>& unreadable() const { return unreadable_; }

 private:
  void AddCertificates(const SetFile& file, std::span<const uint8_t> bytes);
  void AddTable(const SetFile& file, std::span<const uint8_t> table);
  void AddBundle(const SetFile& file);
  void AddCrl(const SetFile& file);
  void Unreadable(const SetFile& file, FileKind kind, absl::Status why);

  std::map<FileKind, std::vector<SetFile>> files_;
  std::vector<SetCertificate> certificates_;
  std::vector<SetCrl> crls_;
  std::vector<UnreadableFile> unreadable_;
};

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_ATTESTATION_EVIDENCE_SET_H_
