// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_PUBLIC_KEY_H_
#define CONSTELLATION_CRYPTO_PUBLIC_KEY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "absl/status/statusor.h"
#include "common/hex.h"

namespace constellation::crypto {

// FIPS 180-4.
enum class HashAlgorithm { kSha1, kSha256, kSha384, kSha512 };
// FIPS 186-4, also called secp256r1 and secp384r1.
enum class EcCurve { kP256, kP384 };
// kOther: a key that is carried but verifies nothing here, such as Ed25519 or
// an EC key on another curve.
enum class KeyType { kEc, kRsa, kOther };

// A public key that verifies. Immutable; thread-safe. Copies share the key.
class PublicKey final {
 public:
  // From affine coordinates, big-endian, at most the curve's size.
  // INVALID_ARGUMENT if the point is not on the curve.
  static absl::StatusOr<PublicKey> FromEcPoint(EcCurve curve,
                                               std::span<const uint8_t> x,
                                               std::span<const uint8_t> y);
  // From a big-endian modulus of 2048 to 4096 bits and an odd exponent >= 3.
  // INVALID_ARGUMENT otherwise.
  static absl::StatusOr<PublicKey> FromRsa(std::span<const uint8_t> modulus,
                                           uint32_t exponent);
  // From a DER SubjectPublicKeyInfo, at most 8 KiB. INVALID_ARGUMENT if it is
  // malformed, or an RSA or EC key that the functions above refuse. Points may
  // be compressed.
  static absl::StatusOr<PublicKey> FromSpki(std::span<const uint8_t> der);

  // The same key, prepared for many verifications: ECDSA on P-384 then takes
  // about three quarters of the time. Preparing costs half a verification;
  // other keys are given back as they are.
  PublicKey Prepared() const;

  // DER SubjectPublicKeyInfo.
  Bytes ToSpki() const;
  KeyType type() const;
  // The curve of an EC key.
  std::optional<EcCurve> curve() const;
  // Size of the curve or modulus.
  int bits() const;

  // Each: UNAUTHENTICATED unless the signature over `message` is this key's;
  // INVALID_ARGUMENT if the key is of another type. `r` and `s` are big-endian.
  absl::Status VerifyEcdsa(HashAlgorithm hash, std::span<const uint8_t> message,
                           std::span<const uint8_t> r,
                           std::span<const uint8_t> s) const;
  absl::Status VerifyRsaPkcs1(HashAlgorithm hash,
                              std::span<const uint8_t> message,
                              std::span<const uint8_t> signature) const;
  // Mask generation with the same hash; a salt of `salt_size` octets, or of any
  // length without it.
  absl::Status VerifyRsaPss(
      HashAlgorithm hash, std::span<const uint8_t> message,
      std::span<const uint8_t> signature,
      std::optional<size_t> salt_size = std::nullopt) const;
  // RSAES-OAEP with `hash` and a label (for TPM credentials the label's NUL is
  // part of it). INVALID_ARGUMENT if the key is not RSA or `plain` does not
  // fit.
  absl::StatusOr<Bytes> EncryptOaep(HashAlgorithm hash,
                                    std::span<const uint8_t> label,
                                    std::span<const uint8_t> plain) const;

 private:
  struct Key;
  static absl::StatusOr<PublicKey> FromEncodedPoint(
      EcCurve curve, std::span<const uint8_t> point);
  explicit PublicKey(std::shared_ptr<const Key> key) : key_(std::move(key)) {}
  // shared_ptr: immutable, so copies may share it.
  std::shared_ptr<const Key> key_;
};

}  // namespace constellation::crypto

#endif  // CONSTELLATION_CRYPTO_PUBLIC_KEY_H_
