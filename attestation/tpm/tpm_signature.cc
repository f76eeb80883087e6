// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "attestation/tpm/quote.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/public_key.h"

namespace constellation::attestation {
namespace {

absl::StatusOr<crypto::PublicKey> KeyOf(const PublicAreaUnverified& area) {
  if (area.type == kTpmAlgRsa) {
    return crypto::PublicKey::FromRsa(area.rsa_modulus, area.rsa_exponent);
  }
  if (area.ecc_curve != kTpmEccNistP256) {
    return InvalidArgument(fmt::format("curve: want P-256 ({}), got {}",
                                       kTpmEccNistP256, area.ecc_curve));
  }
  return crypto::PublicKey::FromEcPoint(crypto::EcCurve::kP256, area.ecc_x,
                                        area.ecc_y);
}

}  // namespace

absl::Status VerifyTpmSignature(const PublicAreaUnverified& key,
                                const SignatureUnverified& signature,
                                std::span<const uint8_t> message) {
  if (signature.scheme != key.scheme ||
      signature.hash_algorithm != key.scheme_hash) {
    return InvalidArgument(fmt::format(
        "scheme: want the key's {}/{}, got {}/{}", AlgorithmName(key.scheme),
        AlgorithmName(key.scheme_hash), AlgorithmName(signature.scheme),
        AlgorithmName(signature.hash_algorithm)));
  }
  if (signature.hash_algorithm != kTpmAlgSha256) {
    return InvalidArgument(fmt::format(
        "hash: want sha256, got {}", AlgorithmName(signature.hash_algorithm)));
  }
  const bool rsa = key.type == kTpmAlgRsa;
  if (rsa == (signature.scheme == kTpmAlgEcdsa)) {
    return InvalidArgument(
        fmt::format("scheme: {} does not fit a key of type {}",
                    AlgorithmName(signature.scheme), AlgorithmName(key.type)));
  }
  ASSIGN_OR_RETURN(const crypto::PublicKey public_key, KeyOf(key));
  constexpr auto kHash = crypto::HashAlgorithm::kSha256;
  if (signature.scheme == kTpmAlgEcdsa) {
    return public_key.VerifyEcdsa(kHash, message, signature.r, signature.s);
  }
  if (signature.scheme == kTpmAlgRsassa) {
    return public_key.VerifyRsaPkcs1(kHash, message, signature.rsa);
  }
  return public_key.VerifyRsaPss(kHash, message, signature.rsa);
}

}  // namespace constellation::attestation
