// SPDX-License-Identifier: Apache-2.0
#include "crypto/public_key.h"

#include <fmt/format.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/der.h"
#include "crypto/hash.h"
#include "crypto/internal/openssl.h"
#include "crypto/internal/raw_keys.h"

namespace constellation::crypto {
namespace {

using internal::OpenSslError;
using Octets = std::span<const uint8_t>;

constexpr size_t kMaxSpkiSize = 8192;
// 1.2.840.10045.2.1, and the curves 1.2.840.10045.3.1.7 and 1.3.132.0.34.
constexpr std::array<uint8_t, 7> kEcPublicKey = {0x2a, 0x86, 0x48, 0xce,
                                                 0x3d, 0x02, 0x01};
constexpr std::array<uint8_t, 8> kP256Oid = {0x2a, 0x86, 0x48, 0xce,
                                             0x3d, 0x03, 0x01, 0x07};
constexpr std::array<uint8_t, 5> kP384Oid = {0x2b, 0x81, 0x04, 0x00, 0x22};
// 1.2.840.113549.1.1.1.
constexpr std::array<uint8_t, 9> kRsaEncryption = {0x2a, 0x86, 0x48, 0x86, 0xf7,
                                                   0x0d, 0x01, 0x01, 0x01};
// A SubjectPublicKeyInfo of each curve up to its uncompressed point.
constexpr std::array<uint8_t, 26> kP256SpkiHead = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
    0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
    0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
constexpr std::array<uint8_t, 23> kP384SpkiHead = {
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
    0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00};

// A digest of any of the four algorithms.
struct Digest {
  std::array<uint8_t, 64> octets{};
  size_t size = 0;
  operator Octets() const {  // NOLINT(google-explicit-constructor): a view
    return std::span(octets).first(size);
  }
};

Digest DigestOf(HashAlgorithm hash, Octets message) {
  Digest digest;
  const auto take = [&digest](Octets value) {
    std::ranges::copy(value, digest.octets.begin());
    digest.size = value.size();
  };
  switch (hash) {
    case HashAlgorithm::kSha1:
      take(Sha1(message));
      break;
    case HashAlgorithm::kSha256:
      take(Sha256(message));
      break;
    case HashAlgorithm::kSha384:
      take(Sha384(message));
      break;
    case HashAlgorithm::kSha512:
      take(Sha512(message));
      break;
  }
  return digest;
}

// One message for every wrong signature: how it is wrong helps only a forger.
absl::Status Verdict(bool good) {
  return good ? absl::OkStatus() : Unauthenticated("signature does not verify");
}

// The 0x04 form of a point, or nothing if a coordinate is too long.
Bytes UncompressedPoint(size_t size, Octets x, Octets y) {
  if (x.size() > size || y.size() > size) {
    return {};
  }
  Bytes point(1 + 2 * size);
  point[0] = 4;
  std::ranges::copy(
      x, point.begin() + static_cast<ptrdiff_t>(1 + size - x.size()));
  std::ranges::copy(
      y, point.begin() + static_cast<ptrdiff_t>(1 + 2 * size - y.size()));
  return point;
}

// A SubjectPublicKeyInfo's parts (RFC 5280 section 4.1.2.7).
struct KeyInfo {
  Octets algorithm;
  DerElement parameters;  // tag 0 if absent
  Octets key;
};

// Own parser: OpenSSL's took most of the time of a verification.
absl::StatusOr<KeyInfo> ParseKeyInfo(Octets der) {
  DerReader outer(der);
  ASSIGN_OR_RETURN(const Octets contents,
                   outer.Read(kDerSequence, "public key"));
  RETURN_IF_ERROR(outer.ExpectEnd("public key"));
  DerReader reader(contents);
  ASSIGN_OR_RETURN(const Octets algorithm,
                   reader.Read(kDerSequence, "public key: algorithm"));
  ASSIGN_OR_RETURN(const Octets bits,
                   reader.Read(kDerBitString, "public key: bits"));
  RETURN_IF_ERROR(reader.ExpectEnd("public key"));
  KeyInfo info;
  ASSIGN_OR_RETURN(info.key, DerBitOctets(bits, "public key: bits"));
  DerReader parts(algorithm);
  ASSIGN_OR_RETURN(info.algorithm,
                   parts.Read(kDerOid, "public key: algorithm"));
  if (!parts.empty()) {
    ASSIGN_OR_RETURN(info.parameters, parts.Next());
  }
  RETURN_IF_ERROR(parts.ExpectEnd("public key: algorithm"));
  return info;
}

// RSAPublicKey of RFC 8017 appendix A.1.1.
absl::StatusOr<PublicKey> ParseRsaKey(const KeyInfo& info) {
  if (info.parameters.tag != kDerNull || !info.parameters.contents.empty()) {
    return InvalidArgument("RSA key: want NULL parameters");
  }
  DerReader outer(info.key);
  ASSIGN_OR_RETURN(const Octets contents, outer.Read(kDerSequence, "RSA key"));
  RETURN_IF_ERROR(outer.ExpectEnd("RSA key"));
  DerReader numbers(contents);
  ASSIGN_OR_RETURN(const Octets modulus_field,
                   numbers.Read(kDerInteger, "RSA key: modulus"));
  ASSIGN_OR_RETURN(const Octets exponent_field,
                   numbers.Read(kDerInteger, "RSA key: exponent"));
  RETURN_IF_ERROR(numbers.ExpectEnd("RSA key"));
  ASSIGN_OR_RETURN(const Octets modulus,
                   DerMagnitude(modulus_field, "RSA key: modulus"));
  ASSIGN_OR_RETURN(const uint64_t exponent,
                   DerUnsigned(exponent_field, "RSA key: exponent"));
  if (exponent > UINT32_MAX) {
    return InvalidArgument("RSA key: the exponent is too long");
  }
  return PublicKey::FromRsa(modulus, static_cast<uint32_t>(exponent));
}

}  // namespace

// Exactly one of the three is set.
struct PublicKey::Key {
  std::optional<internal::RawEcKey> ec;
  std::optional<internal::RawRsaKey> rsa;
  internal::UniquePkey other;  // neither; OpenSSL knows it, we only carry it
};

absl::StatusOr<PublicKey> PublicKey::FromEcPoint(EcCurve curve, Octets x,
                                                 Octets y) {
  const Bytes point =
      UncompressedPoint(curve == EcCurve::kP256 ? 32 : 48, x, y);
  if (point.empty()) {
    return InvalidArgument(
        "EC key: a coordinate is longer than the curve's size");
  }
  return FromEncodedPoint(curve, point);
}

// Checked to be on the curve: a point elsewhere leaks or forges, depending on
// who uses it.
absl::StatusOr<PublicKey> PublicKey::FromEncodedPoint(EcCurve curve,
                                                      Octets point) {
  auto key = std::make_shared<Key>();
  key->ec = internal::RawEcKey::FromPoint(curve, point);
  if (!key->ec.has_value()) {
    return InvalidArgument("EC key: not a point of the curve");
  }
  return PublicKey(std::move(key));
}

// 2048 to 4096 bits. Shorter keys are weak; longer ones would let hostile
// evidence choose how long a verification takes.
absl::StatusOr<PublicKey> PublicKey::FromRsa(Octets modulus,
                                             uint32_t exponent) {
  if (modulus.size() < 256 || modulus.size() > 512 || modulus[0] == 0 ||
      exponent < 3 || exponent % 2 == 0) {
    return InvalidArgument(
        fmt::format("RSA key: want 256 to 512 octets without leading zero, odd "
                    "exponent; got {} octets, {}",
                    modulus.size(), exponent));
  }
  auto key = std::make_shared<Key>();
  key->rsa = internal::RawRsaKey::FromNumbers(modulus, exponent);
  if (!key->rsa.has_value()) {
    return OpenSslError(absl::StatusCode::kInternal, "RSA key");
  }
  return PublicKey(std::move(key));
}

// Other kinds of key are carried, because a certificate may hold one; every
// Verify...() refuses them.
absl::StatusOr<PublicKey> PublicKey::FromSpki(Octets der) {
  if (der.size() > kMaxSpkiSize) {
    return InvalidArgument(
        fmt::format("public key: want at most {} octets, got {}", kMaxSpkiSize,
                    der.size()));
  }
  ASSIGN_OR_RETURN(const KeyInfo info, ParseKeyInfo(der));
  if (std::ranges::equal(info.algorithm, kRsaEncryption)) {
    return ParseRsaKey(info);
  }
  if (std::ranges::equal(info.algorithm, kEcPublicKey) &&
      info.parameters.tag == kDerOid) {
    if (std::ranges::equal(info.parameters.contents, kP256Oid)) {
      return FromEncodedPoint(EcCurve::kP256, info.key);
    }
    if (std::ranges::equal(info.parameters.contents, kP384Oid)) {
      return FromEncodedPoint(EcCurve::kP384, info.key);
    }
  }
  const unsigned char* position = der.data();
  auto key = std::make_shared<Key>();
  key->other.reset(
      d2i_PUBKEY(nullptr, &position, static_cast<long>(der.size())));
  if (key->other == nullptr || position != der.data() + der.size()) {
    return OpenSslError(absl::StatusCode::kInvalidArgument, "public key");
  }
  return PublicKey(std::move(key));
}

PublicKey PublicKey::Prepared() const {
  if (!key_->ec.has_value()) {
    return *this;
  }
  auto key = std::make_shared<Key>();
  key->ec = key_->ec->Prepared();
  return PublicKey(std::move(key));
}

Bytes PublicKey::ToSpki() const {
  if (key_->ec.has_value()) {
    const bool p256 = key_->ec->curve() == EcCurve::kP256;
    const Octets head = p256 ? Octets(kP256SpkiHead) : Octets(kP384SpkiHead);
    const Bytes point = key_->ec->UncompressedPoint();
    Bytes spki(head.begin(), head.end());
    spki.insert(spki.end(), point.begin(), point.end());
    return spki;
  }
  if (key_->rsa.has_value()) {
    return internal::ToDer(i2d_PUBKEY, key_->rsa->ToPkey().get());
  }
  return internal::ToDer(i2d_PUBKEY, key_->other.get());
}

KeyType PublicKey::type() const {
  if (key_->ec.has_value()) {
    return KeyType::kEc;
  }
  return key_->rsa.has_value() ? KeyType::kRsa : KeyType::kOther;
}

std::optional<EcCurve> PublicKey::curve() const {
  return key_->ec.has_value() ? std::optional(key_->ec->curve()) : std::nullopt;
}

int PublicKey::bits() const {
  if (key_->ec.has_value()) {
    return key_->ec->curve() == EcCurve::kP256 ? 256 : 384;
  }
  return key_->rsa.has_value() ? key_->rsa->bits()
                               : EVP_PKEY_get_bits(key_->other.get());
}

// 72 octets are what AMD's reports have for a scalar; leading zeros are fine.
absl::Status PublicKey::VerifyEcdsa(HashAlgorithm hash, Octets message,
                                    Octets r, Octets s) const {
  if (!key_->ec.has_value()) {
    return InvalidArgument("ECDSA signature: the key is not an EC key");
  }
  constexpr size_t kMaxScalar = 72;
  if (r.size() > kMaxScalar || s.size() > kMaxScalar) {
    return InvalidArgument("ECDSA signature: r or s is too long");
  }
  return Verdict(key_->ec->Verify(DigestOf(hash, message), r, s));
}

absl::Status PublicKey::VerifyRsaPkcs1(HashAlgorithm hash, Octets message,
                                       Octets signature) const {
  if (!key_->rsa.has_value()) {
    return InvalidArgument("RSA signature: the key is not an RSA key");
  }
  return Verdict(
      key_->rsa->VerifyPkcs1(hash, DigestOf(hash, message), signature));
}

// Without `salt_size` any length that the encoding shows is accepted (TPMs
// differ in it).
absl::Status PublicKey::VerifyRsaPss(HashAlgorithm hash, Octets message,
                                     Octets signature,
                                     std::optional<size_t> salt_size) const {
  if (!key_->rsa.has_value()) {
    return InvalidArgument("RSA signature: the key is not an RSA key");
  }
  if (salt_size.has_value() && *salt_size > kMaxSpkiSize) {
    return InvalidArgument("RSA signature: the salt is too long");
  }
  return Verdict(key_->rsa->VerifyPss(hash, DigestOf(hash, message), signature,
                                      salt_size));
}

// RFC 8017 7.1, one hash for label and mask, as TPM 2.0 wants it (Part 1, B.4).
absl::StatusOr<Bytes> PublicKey::EncryptOaep(HashAlgorithm hash, Octets label,
                                             Octets plain) const {
  if (!key_->rsa.has_value()) {
    return InvalidArgument("RSA-OAEP: the key is not an RSA key");
  }
  const internal::UniquePkey key = key_->rsa->ToPkey();
  const internal::UniquePkeyContext context(
      EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  // set0 takes ownership of a buffer from OpenSSL's allocator.
  void* const copy =
      label.empty() ? nullptr : OPENSSL_memdup(label.data(), label.size());
  if (context == nullptr || EVP_PKEY_encrypt_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) !=
          1 ||
      EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), internal::DigestOf(hash)) !=
          1 ||
      EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), internal::DigestOf(hash)) !=
          1 ||
      EVP_PKEY_CTX_set0_rsa_oaep_label(context.get(), copy,
                                       static_cast<int>(label.size())) != 1) {
    OPENSSL_free(copy);
    return OpenSslError(absl::StatusCode::kInvalidArgument, "RSA-OAEP");
  }
  size_t size = 0;
  if (EVP_PKEY_encrypt(context.get(), nullptr, &size, plain.data(),
                       plain.size()) != 1) {
    return OpenSslError(absl::StatusCode::kInvalidArgument, "RSA-OAEP");
  }
  Bytes cipher(size);
  if (EVP_PKEY_encrypt(context.get(), cipher.data(), &size, plain.data(),
                       plain.size()) != 1) {
    return OpenSslError(absl::StatusCode::kInvalidArgument, "RSA-OAEP");
  }
  cipher.resize(size);
  return cipher;
}

}  // namespace constellation::crypto
