// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_ED25519_H_
#define CONSTELLATION_CRYPTO_ED25519_H_

#include <array>
#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "common/secret_bytes.h"

namespace constellation::crypto {

using Ed25519PublicKey = std::array<uint8_t, 32>;
using Ed25519Signature = std::array<uint8_t, 64>;

// An Ed25519 private key (RFC 8032) that only signs. Thread-safe.
class Ed25519Signer final {
 public:
  // INVALID_ARGUMENT unless the seed is 32 octets.
  static absl::StatusOr<Ed25519Signer> FromSeed(const SecretBytes& seed);

  const Ed25519PublicKey& public_key() const { return public_key_; }
  absl::StatusOr<Ed25519Signature> Sign(std::span<const uint8_t> message) const;

 private:
  Ed25519Signer(SecretBytes seed, const Ed25519PublicKey& public_key)
      : seed_(std::move(seed)), public_key_(public_key) {}

  SecretBytes seed_;
  Ed25519PublicKey public_key_;
};

// UNAUTHENTICATED unless `signature` is the key's over `message`.
absl::Status VerifyEd25519(const Ed25519PublicKey& key,
                           std::span<const uint8_t> message,
                           std::span<const uint8_t> signature);

}  // namespace constellation::crypto

#endif  // CONSTELLATION_CRYPTO_ED25519_H_
