// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_RSA_PRIVATE_KEY_H_
#define CONSTELLATION_CRYPTO_RSA_PRIVATE_KEY_H_

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "common/hex.h"
#include "common/secret_bytes.h"

namespace constellation::crypto {

// An RSA private key that signs, as clouds give them to services. Immutable;
// thread-safe. Move only; OpenSSL wipes the numbers when it is destroyed.
class RsaPrivateKey final {
 public:
  // From the first private key in `pem`, PKCS #8 ("PRIVATE KEY", RFC 5958) or
  // PKCS #1 ("RSA PRIVATE KEY", RFC 8017 appendix A.1.2), at most 64 KiB with
  // everything around it (certificates may stand before or behind it), 2048 to
  // 8192 bits, no passphrase. The key must verify its own signature, so that
  // numbers that do not belong together are found here; whether the primes are
  // prime is not checked.
  //
  // INVALID_ARGUMENT says which of these it is: no PEM, no private key but
  // something else, encrypted, another kind of key, size, damaged. Never quotes
  // the text.
  static absl::StatusOr<RsaPrivateKey> FromPem(const SecretBytes& pem);

  RsaPrivateKey(RsaPrivateKey&&) noexcept;
  RsaPrivateKey& operator=(RsaPrivateKey&&) noexcept;
  ~RsaPrivateKey();

  // RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2), the JWS algorithm
  // RS256. As long as the modulus. INTERNAL if OpenSSL fails.
  absl::StatusOr<Bytes> SignPkcs1Sha256(std::span<const uint8_t> message) const;
  // RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 octets (RFC
  // 8017 section 8.1, RFC 7518 section 3.5), the JWS algorithm PS256. Another
  // one at every call. INTERNAL if OpenSSL fails.
  absl::StatusOr<Bytes> SignPssSha256(std::span<const uint8_t> message) const;

  // DER SubjectPublicKeyInfo.
  Bytes PublicSpki() const;
  // Size of the modulus.
  int bits() const;

 private:
  struct Key;
  explicit RsaPrivateKey(std::unique_ptr<Key> key);
  absl::StatusOr<Bytes> Sign(std::span<const uint8_t> message, bool pss) const;
  // Whether a signature of its own verifies.
  bool SignsRight() const;

  std::unique_ptr<Key> key_;
};

}  // namespace constellation::crypto

#endif  // CONSTELLATION_CRYPTO_RSA_PRIVATE_KEY_H_
