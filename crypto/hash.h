// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_HASH_H_
#define CONSTELLATION_CRYPTO_HASH_H_

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "common/secret_bytes.h"

namespace constellation::crypto {

using Sha256Digest = std::array<uint8_t, 32>;
using Sha384Digest = std::array<uint8_t, 48>;
using Sha512Digest = std::array<uint8_t, 64>;

// FIPS 180-4. All thread-safe.
std::array<uint8_t, 20> Sha1(
    std::span<const uint8_t> data);  // event logs only, never for trust
Sha256Digest Sha256(std::span<const uint8_t> data);
Sha384Digest Sha384(std::span<const uint8_t> data);
Sha512Digest Sha512(std::span<const uint8_t> data);

// SHA-256 of data that comes in parts. Not thread-safe.
class Sha256Hasher final {
 public:
  Sha256Hasher();
  Sha256Hasher(Sha256Hasher&&) noexcept;
  Sha256Hasher& operator=(Sha256Hasher&&) noexcept;
  ~Sha256Hasher();
  void Update(std::span<const uint8_t> data);
  // The digest of all parts; the hasher starts anew.
  Sha256Digest Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// HMAC-SHA256, RFC 2104.
Sha256Digest HmacSha256(const SecretBytes& key, std::span<const uint8_t> data);

// Whether both hold the same octets; time depends on the lengths only.
bool EqualsConstantTime(std::span<const uint8_t> a, std::span<const uint8_t> b);

}  // namespace constellation::crypto

#endif  // CONSTELLATION_CRYPTO_HASH_H_
