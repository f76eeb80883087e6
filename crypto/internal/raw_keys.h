// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_INTERNAL_RAW_KEYS_H_
#define CONSTELLATION_CRYPTO_INTERNAL_RAW_KEYS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "common/hex.h"
#include "crypto/internal/openssl.h"
#include "crypto/public_key.h"

// Keys and verification by OpenSSL's low-level functions. Its generic ones
// spend several times a P-256 verification on making a key (ADR 9). Everything
// here is immutable after it was made, and thread-safe.
namespace constellation::crypto::internal {

// Hash function of OpenSSL for `hash`, looked up once: its own shorthands do so
// at every use.
const EVP_MD* DigestOf(HashAlgorithm hash);

// A point on P-256 or P-384.
class RawEcKey final {
 public:
  // From an encoded point (SEC 1 section 2.3.3), compressed or not; nothing
  // unless it is a finite point of the curve.
  static std::optional<RawEcKey> FromPoint(EcCurve curve,
                                           std::span<const uint8_t> point);
  EcCurve curve() const { return curve_; }
  // Whether (r, s), big-endian, is this key's signature over `digest`.
  bool Verify(std::span<const uint8_t> digest, std::span<const uint8_t> r,
              std::span<const uint8_t> s) const;
  // The same key, on P-384 with 2^192 times its point kept beside it: then its
  // scalar in a verification can be cut in halves, which saves half of the
  // doublings. Making it costs about half a verification.
  RawEcKey Prepared() const;
  // 0x04, x, y.
  Bytes UncompressedPoint() const;

 private:
  RawEcKey(EcCurve curve, std::shared_ptr<const EC_KEY> key)
      : curve_(curve), key_(std::move(key)) {}
  bool VerifyP384(std::span<const uint8_t> digest, const BIGNUM* r,
                  const BIGNUM* s) const;
  bool AddProducts(const BIGNUM* u1, const BIGNUM* u2, EC_POINT* sum,
                   BN_CTX* context) const;
  EcCurve curve_;
  // shared_ptr: immutable, so copies may share them.
  std::shared_ptr<const EC_KEY> key_;
  std::shared_ptr<const EC_POINT> upper_;  // 2^192 times the point, or null
};

// An RSA public key.
class RawRsaKey final {
 public:
  // Takes any numbers; limits are the caller's. Nothing if memory is short.
  static std::optional<RawRsaKey> FromNumbers(std::span<const uint8_t> modulus,
                                              uint32_t exponent);
  bool VerifyPkcs1(HashAlgorithm hash, std::span<const uint8_t> digest,
                   std::span<const uint8_t> signature) const;
  // Mask generation with the same hash; `salt_size` in octets or any.
  bool VerifyPss(HashAlgorithm hash, std::span<const uint8_t> digest,
                 std::span<const uint8_t> signature,
                 std::optional<size_t> salt_size) const;
  int bits() const;
  // The key for OpenSSL's generic functions.
  UniquePkey ToPkey() const;

 private:
  explicit RawRsaKey(std::shared_ptr<RSA> key) : key_(std::move(key)) {}
  // shared_ptr: copies may share it. Not const: OpenSSL keeps the modulus'
  // Montgomery form in it, under a lock of its own.
  std::shared_ptr<RSA> key_;
};

}  // namespace constellation::crypto::internal

#endif  // CONSTELLATION_CRYPTO_INTERNAL_RAW_KEYS_H_
