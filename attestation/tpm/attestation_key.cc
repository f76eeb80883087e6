// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/attestation_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "attestation/tpm/tpm_hash.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr uint8_t kTpmtFirst = 0x00;   // high octet of TPM_ALG_RSA, _ECC
constexpr uint8_t kSpkiFirst = 0x30;   // SEQUENCE
constexpr uint8_t kPointFirst = 0x04;  // uncompressed, SEC 1 2.3.3
constexpr size_t kP256Size = 32;
constexpr size_t kP384Size = 48;

// AlgorithmIdentifiers: RFC 3279 2.3.1 and RFC 5480 2.1.1.
constexpr uint8_t kRsaAlgorithm[] = {0x30, 0x0d, 0x06, 0x09, 0x2a,
                                     0x86, 0x48, 0x86, 0xf7, 0x0d,
                                     0x01, 0x01, 0x01, 0x05, 0x00};
constexpr uint8_t kP256Algorithm[] = {0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
                                      0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr uint8_t kP384Algorithm[] = {0x30, 0x10, 0x06, 0x07, 0x2a, 0x86,
                                      0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                      0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};

void Append(Bytes& out, std::span<const uint8_t> more) {
  out.insert(out.end(), more.begin(), more.end());
}

// `contents` (less than 64 KiB) behind `tag` and its DER length.
Bytes Wrap(uint8_t tag, std::span<const uint8_t> contents) {
  Bytes out{tag};
  const size_t size = contents.size();
  if (size >= 0x100) {
    out.push_back(0x82);
    out.push_back(static_cast<uint8_t>(size >> 8U));
  } else if (size >= 0x80) {
    out.push_back(0x81);
  }
  out.push_back(static_cast<uint8_t>(size));
  Append(out, contents);
  return out;
}

// A non-negative INTEGER: with a zero before a first octet that would make it
// negative.
Bytes WrapUnsigned(std::span<const uint8_t> big_endian) {
  Bytes contents;
  if (big_endian.empty() || big_endian[0] >= 0x80) {
    contents.push_back(0);
  }
  Append(contents, big_endian);
  return Wrap(0x02, contents);
}

// SubjectPublicKeyInfo with the subject key `key`.
Bytes EncodeSpki(std::span<const uint8_t> algorithm,
                 std::span<const uint8_t> key) {
  Bytes bits{0};  // no unused bits
  Append(bits, key);
  Bytes contents(algorithm.begin(), algorithm.end());
  Append(contents, Wrap(0x03, bits));
  return Wrap(0x30, contents);
}

// TPMT_PUBLIC, with its Name.
absl::StatusOr<AttestationKeyUnverified> FromTpmt(
    std::span<const uint8_t> bytes) {
  ASSIGN_OR_RETURN(PublicAreaUnverified area, ParsePublicAreaUnverified(bytes));
  if (!TpmSigningHash(area.name_algorithm).ok()) {
    return InvalidArgument(
        fmt::format("nameAlg: want sha256, sha384 or sha512, got {}",
                    AlgorithmName(area.name_algorithm)));
  }
  ASSIGN_OR_RETURN(const Bytes digest, TpmDigest(area.name_algorithm, bytes));
  Bytes name{static_cast<uint8_t>(area.name_algorithm >> 8U),
             static_cast<uint8_t>(area.name_algorithm)};
  Append(name, digest);
  ASSIGN_OR_RETURN(crypto::PublicKey key, KeyOfPublicArea(area));
  Bytes spki;
  if (area.type == kTpmAlgRsa) {
    spki = EncodeRsaSpki(area.rsa_modulus, area.rsa_exponent);
  } else {
    const auto curve = area.ecc_curve == kTpmEccNistP256
                           ? crypto::EcCurve::kP256
                           : crypto::EcCurve::kP384;
    ASSIGN_OR_RETURN(spki, EncodeEcSpki(curve, area.ecc_x, area.ecc_y));
  }
  return AttestationKeyUnverified{.key = std::move(key),
                                  .spki = std::move(spki),
                                  .area = std::move(area),
                                  .name = std::move(name)};
}

// X9.62 uncompressed point; its length tells the curve.
absl::StatusOr<AttestationKeyUnverified> FromPoint(
    std::span<const uint8_t> bytes) {
  const size_t size = (bytes.size() - 1) / 2;
  if (bytes.size() % 2 == 0 || (size != kP256Size && size != kP384Size)) {
    return InvalidArgument(
        fmt::format("attestation key: want a point of 65 or 97 octets, got {}",
                    bytes.size()));
  }
  const auto curve =
      size == kP256Size ? crypto::EcCurve::kP256 : crypto::EcCurve::kP384;
  const auto x = bytes.subspan(1, size);
  const auto y = bytes.subspan(1 + size);
  ASSIGN_OR_RETURN(crypto::PublicKey key,
                   crypto::PublicKey::FromEcPoint(curve, x, y));
  ASSIGN_OR_RETURN(Bytes spki, EncodeEcSpki(curve, x, y));
  return AttestationKeyUnverified{.key = std::move(key),
                                  .spki = std::move(spki),
                                  .area = std::nullopt,
                                  .name = {}};
}

// The octets are kept as they came: another encoding of the same key compares
// unequal, which can only refuse.
absl::StatusOr<AttestationKeyUnverified> FromSpki(
    std::span<const uint8_t> bytes) {
  ASSIGN_OR_RETURN(crypto::PublicKey key, crypto::PublicKey::FromSpki(bytes));
  const int bits = key.bits();
  const bool fits =
      key.type() == crypto::KeyType::kRsa
          ? bits >= 2048 && bits <= 4096
          : key.type() == crypto::KeyType::kEc && (bits == 256 || bits == 384);
  if (!fits) {
    return InvalidArgument(
        fmt::format("attestation key: want RSA of 2048 to 4096 bits, P-256 or "
                    "P-384, got another kind with {} bits",
                    bits));
  }
  return AttestationKeyUnverified{.key = std::move(key),
                                  .spki = {bytes.begin(), bytes.end()},
                                  .area = std::nullopt,
                                  .name = {}};
}

}  // namespace

// Canonical (RFC 3279 2.3.1), so that one key has one encoding however it came.
Bytes EncodeRsaSpki(std::span<const uint8_t> modulus, uint32_t exponent) {
  Bytes big_endian;
  for (int shift = 24; shift >= 0; shift -= 8) {
    const auto octet =
        static_cast<uint8_t>(exponent >> static_cast<uint32_t>(shift));
    if (octet != 0 || !big_endian.empty()) {
      big_endian.push_back(octet);
    }
  }
  Bytes key = WrapUnsigned(modulus);
  Append(key, WrapUnsigned(big_endian));
  return EncodeSpki(kRsaAlgorithm, Wrap(0x30, key));
}

// TPMs leave leading zeros of coordinates out; here they are put back.
absl::StatusOr<Bytes> EncodeEcSpki(crypto::EcCurve curve,
                                   std::span<const uint8_t> x,
                                   std::span<const uint8_t> y) {
  const bool p256 = curve == crypto::EcCurve::kP256;
  const size_t size = p256 ? kP256Size : kP384Size;
  if (x.size() > size || y.size() > size) {
    return InvalidArgument(
        fmt::format("EC point: want coordinates of at most {} octets, got {} "
                    "and {}",
                    size, x.size(), y.size()));
  }
  Bytes point(1 + 2 * size);
  point[0] = kPointFirst;
  std::ranges::copy_backward(x,
                             point.begin() + static_cast<ptrdiff_t>(1 + size));
  std::ranges::copy_backward(y, point.end());
  return p256 ? EncodeSpki(kP256Algorithm, point)
              : EncodeSpki(kP384Algorithm, point);
}

absl::StatusOr<crypto::PublicKey> KeyOfPublicArea(
    const PublicAreaUnverified& area) {
  if (area.type == kTpmAlgRsa) {
    return crypto::PublicKey::FromRsa(area.rsa_modulus, area.rsa_exponent);
  }
  if (area.ecc_curve != kTpmEccNistP256 && area.ecc_curve != kTpmEccNistP384) {
    return InvalidArgument(
        fmt::format("curve: want P-256 ({}) or P-384 ({}), got {}",
                    kTpmEccNistP256, kTpmEccNistP384, area.ecc_curve));
  }
  return crypto::PublicKey::FromEcPoint(area.ecc_curve == kTpmEccNistP256
                                            ? crypto::EcCurve::kP256
                                            : crypto::EcCurve::kP384,
                                        area.ecc_x, area.ecc_y);
}

// Clouds hand the key out in three forms; the first octet tells them apart, as
// none of them shares it.
absl::StatusOr<AttestationKeyUnverified> ParseAttestationKeyUnverified(
    std::span<const uint8_t> bytes) {
  if (bytes.empty()) {
    return InvalidArgument("attestation key: it is empty");
  }
  switch (bytes[0]) {
    case kTpmtFirst:
      return FromTpmt(bytes);
    case kSpkiFirst:
      return FromSpki(bytes);
    case kPointFirst:
      return FromPoint(bytes);
    default:
      return InvalidArgument(
          fmt::format("attestation key: want TPMT_PUBLIC, SPKI or an "
                      "uncompressed point, got first octet {:#04x}",
                      bytes[0]));
  }
}

}  // namespace constellation::attestation
