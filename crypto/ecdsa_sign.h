// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_ECDSA_SIGN_H_
#define CONSTELLATION_CRYPTO_ECDSA_SIGN_H_

#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "common/hex.h"
#include "crypto/p256.h"

namespace constellation::crypto {

// ECDSA with SHA-256 over `message` (FIPS 186-4) as a DER Ecdsa-Sig-Value (RFC
// 3279 2.2.3): at most 72 octets, another one at every call. Thread-safe.
// INTERNAL if OpenSSL fails. Verified by PublicKey::VerifyEcdsa() with what
// ParseEcdsaSignature() (crypto/der.h) reads.
absl::StatusOr<Bytes> SignEcdsaSha256(const P256PrivateKey& key,
                                      std::span<const uint8_t> message);

}  // namespace constellation::crypto

#endif  // CONSTELLATION_CRYPTO_ECDSA_SIGN_H_
