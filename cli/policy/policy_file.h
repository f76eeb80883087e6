// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_POLICY_POLICY_FILE_H_
#define CONSTELLATION_CLI_POLICY_POLICY_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attestation/policy/policy.h"

namespace constellation::cli {

// Where a policy is, and by which key it must be signed.
struct PolicyFile {
  std::string path = {};
  std::string key = {};        // PEM public key (P-256); empty: need not be
  std::string signature = {};  // empty: `path` + ".sig"
};

// Reads the policy, with its signature if there is a key for it. Errors name
// the file: those of ReadFile() if one cannot be read, INVALID_ARGUMENT if
// policy, key or signature do not parse, UNAUTHENTICATED if that key did not
// sign it. A signature without a key is a usage error: it would look checked.
//
// Does not check whose key it is, nor that no newer policy exists.
absl::StatusOr<attestation::Policy> LoadPolicy(const PolicyFile& file);

// Signs the policy at `path` with the PEM private key in the file `key` (P-256,
// PKCS #8 or SEC 1, without passphrase) and writes the signature to
// `signature` (empty: `path` + ".sig"), replacing what is there. Returns where
// it went. Nothing that LoadPolicy() would refuse is signed.
absl::StatusOr<std::string> SignPolicyFile(const PolicyFile& file);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_POLICY_POLICY_FILE_H_
