// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "attestation/tpm/attestation_key.h"
#include "attestation/tpm/quote.h"
#include "attestation/tpm/tpm_hash.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/public_key.h"

namespace constellation::attestation {

absl::Status VerifyTpmSignature(const crypto::PublicKey& key,
                                const SignatureUnverified& signature,
                                std::span<const uint8_t> message) {
  ASSIGN_OR_RETURN(const crypto::HashAlgorithm hash,
                   TpmSigningHash(signature.hash_algorithm));
  // Before the signature is looked at: a scheme of the other kind of key must
  // not reach the key.
  const bool rsa = key.type() == crypto::KeyType::kRsa;
  if (rsa == (signature.scheme == kTpmAlgEcdsa)) {
    return InvalidArgument(fmt::format("scheme: {} does not fit {} key",
                                       AlgorithmName(signature.scheme),
                                       rsa ? "an rsa" : "an ecc"));
  }
  switch (signature.scheme) {
    case kTpmAlgEcdsa:
      return key.VerifyEcdsa(hash, message, signature.r, signature.s);
    case kTpmAlgRsassa:
      return key.VerifyRsaPkcs1(hash, message, signature.rsa);
    case kTpmAlgRsapss:
      return key.VerifyRsaPss(hash, message, signature.rsa);
    default:
      return InvalidArgument(
          fmt::format("scheme: want rsassa, rsapss or ecdsa, got {}",
                      AlgorithmName(signature.scheme)));
  }
}

// A signature that names another scheme or hash than its key's was not made by
// TPM2_Quote with this key.
absl::Status CheckTpmScheme(const PublicAreaUnverified& key,
                            const SignatureUnverified& signature) {
  if (signature.scheme == key.scheme &&
      signature.hash_algorithm == key.scheme_hash) {
    return absl::OkStatus();
  }
  return InvalidArgument(fmt::format(
      "scheme: want the key's {}/{}, got {}/{}", AlgorithmName(key.scheme),
      AlgorithmName(key.scheme_hash), AlgorithmName(signature.scheme),
      AlgorithmName(signature.hash_algorithm)));
}

absl::Status VerifyTpmSignature(const PublicAreaUnverified& key,
                                const SignatureUnverified& signature,
                                std::span<const uint8_t> message) {
  RETURN_IF_ERROR(CheckTpmScheme(key, signature));
  ASSIGN_OR_RETURN(const crypto::PublicKey public_key, KeyOfPublicArea(key));
  return VerifyTpmSignature(public_key, signature, message);
}

}  // namespace constellation::attestation
