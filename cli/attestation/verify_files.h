// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_ATTESTATION_VERIFY_FILES_H_
#define CONSTELLATION_CLI_ATTESTATION_VERIFY_FILES_H_

#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "attestation/policy/appraisal.h"
#include "attestation/policy/policy.h"
#include "cli/attestation/evidence_set.h"
#include "cli/attestation/file_report.h"
#include "crypto/x509.h"

namespace constellation::cli {

// What files are verified against.
struct VerifyFilesOptions {
  // Dates are compared with this alone; the machine's clock is not asked.
  absl::Time now;
  // Null: no policy. The caller has made sure that somebody wanted that.
  const attestation::Policy* policy = nullptr;
  // What the evidence must contain, and whether it may contain anything.
  std::optional<Bytes> nonce;
  bool insecure_any_nonce = false;
  // Judges the layers that are there, although the profile names others.
  bool partial = false;
  // Trusted beside the vendors' roots, never instead of them; for tests.
  std::vector<crypto::Certificate> insecure_roots;
  // For Constellation's own evidence.
  attestation::ClusterState cluster = attestation::ClusterState::AnyMember();
};

// Verifies everything in `set` that was given as evidence. With a policy the
// report is that of the profile that all of it satisfies, else of the one that
// came closest; a profile's layers must all be there. Files whose kind is not
// known, or that prove nothing alone, are units with unchecked rows, so they
// never make success. Pure: files were read before. Thread-safe.
FileReport VerifyFiles(const EvidenceSet& set,
                       const VerifyFilesOptions& options);

// Verifies certificates, revocation lists and Intel's documents in `set` that
// were given, each against the pinned roots; evidence in it is not looked at.
FileReport VerifyCollateral(const EvidenceSet& set,
                            const VerifyFilesOptions& options);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_ATTESTATION_VERIFY_FILES_H_
