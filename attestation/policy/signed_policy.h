// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_POLICY_SIGNED_POLICY_H_
#define CONSTELLATION_ATTESTATION_POLICY_SIGNED_POLICY_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "attestation/policy/policy.h"
#include "common/secret_bytes.h"

// Policies that their owner signed, so that whoever carries them cannot change
// what is accepted. ECDSA P-256 with SHA-256 over the file's octets; the
// signature lies beside the file as base64 of the DER Ecdsa-Sig-Value (RFC 3279
// 2.2.3): what `cosign sign-blob --key` writes and `cosign verify-blob --key`
// accepts, and, decoded, what `openssl dgst -sha256 -verify` does.
namespace constellation::attestation {

// A policy whose signature was checked. Only SignedPolicy::Verify() makes one,
// so a parameter of this type is the proof. Immutable; thread-safe.
class SignedPolicy final {
 public:
  // Checks `signature` (base64 of DER, white space around it allowed) over the
  // octets of `file` with the PEM public key ("PUBLIC KEY", P-256), then reads
  // the policy. INVALID_ARGUMENT if key, signature or policy do not parse,
  // UNAUTHENTICATED if the signature is not this key's over these octets. Not
  // checked: whose key it is, and that no newer policy exists.
  static absl::StatusOr<SignedPolicy> Verify(std::string_view file,
                                             std::string_view signature,
                                             std::string_view public_key_pem);

  const Policy& policy() const { return policy_; }

 private:
  explicit SignedPolicy(Policy policy) : policy_(std::move(policy)) {}
  Policy policy_;
};

// The signature of `file` by a PEM private key (P-256, PKCS #8 or SEC 1,
// without passphrase), base64 with a newline. INVALID_ARGUMENT if the key is
// another kind or `file` is no policy: nobody should sign what will be refused.
absl::StatusOr<std::string> SignPolicy(std::string_view file,
                                       const SecretBytes& private_key_pem);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_POLICY_SIGNED_POLICY_H_
