// SPDX-License-Identifier: Apache-2.0
// OpenSSL 3 discourages its low-level functions, which it keeps and tests; see
// ADR 9 for why they are used here.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/internal/raw_keys.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <array>
#include <utility>

namespace constellation::crypto::internal {
namespace {

constexpr size_t kMaxRsaOctets = 512;

using UniqueEcKey = std::unique_ptr<EC_KEY, Deleter<EC_KEY_free>>;
using UniqueRsa = std::unique_ptr<RSA, Deleter<RSA_free>>;
using UniqueBuilder =
    std::unique_ptr<OSSL_PARAM_BLD, Deleter<OSSL_PARAM_BLD_free>>;
using UniqueParams = std::unique_ptr<OSSL_PARAM, Deleter<OSSL_PARAM_free>>;

// Constants of the curves, made once and never freed.
const EC_GROUP* GroupOf(EcCurve curve) {
  static const EC_GROUP* const p256 =
      EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
  static const EC_GROUP* const p384 = EC_GROUP_new_by_curve_name(NID_secp384r1);
  return curve == EcCurve::kP256 ? p256 : p384;
}

UniqueBignum Number(std::span<const uint8_t> octets) {
  return UniqueBignum(
      BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
}

}  // namespace

const EVP_MD* DigestOf(HashAlgorithm hash) {
  switch (hash) {
    case HashAlgorithm::kSha1:
      return EVP_sha1();
    case HashAlgorithm::kSha384:
      return EVP_sha384();
    case HashAlgorithm::kSha512:
      return EVP_sha512();
    case HashAlgorithm::kSha256:
      break;
  }
  return EVP_sha256();
}

std::optional<RawEcKey> RawEcKey::FromPoint(EcCurve curve,
                                            std::span<const uint8_t> point) {
  // Only the compressed and uncompressed forms; not infinity (one octet), not
  // the hybrid ones.
  if (point.size() < 2 || point[0] < 2 || point[0] > 4) {
    return std::nullopt;
  }
  UniqueEcKey key(EC_KEY_new());
  if (key == nullptr || EC_KEY_set_group(key.get(), GroupOf(curve)) != 1 ||
      EC_KEY_oct2key(key.get(), point.data(), point.size(), nullptr) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  return RawEcKey(curve,
                  std::shared_ptr<const EC_KEY>(key.release(), EC_KEY_free));
}

bool RawEcKey::Verify(std::span<const uint8_t> digest,
                      std::span<const uint8_t> r,
                      std::span<const uint8_t> s) const {
  UniqueBignum r_number = Number(r);
  UniqueBignum s_number = Number(s);
  const UniqueSignature signature(ECDSA_SIG_new());
  if (r_number == nullptr || s_number == nullptr || signature == nullptr ||
      ECDSA_SIG_set0(signature.get(), r_number.get(), s_number.get()) != 1) {
    return false;
  }
  (void)r_number.release();  // owned by `signature` now
  (void)s_number.release();
  // ECDSA_do_verify() does not change the key.
  const bool good =
      ECDSA_do_verify(digest.data(), static_cast<int>(digest.size()),
                      signature.get(), const_cast<EC_KEY*>(key_.get())) == 1;
  ERR_clear_error();
  return good;
}

Bytes RawEcKey::UncompressedPoint() const {
  Bytes point(curve_ == EcCurve::kP256 ? 65 : 97);
  EC_POINT_point2oct(GroupOf(curve_), EC_KEY_get0_public_key(key_.get()),
                     POINT_CONVERSION_UNCOMPRESSED, point.data(), point.size(),
                     nullptr);
  return point;
}

std::optional<RawRsaKey> RawRsaKey::FromNumbers(
    std::span<const uint8_t> modulus, uint32_t exponent) {
  UniqueRsa key(RSA_new());
  UniqueBignum n = Number(modulus);
  UniqueBignum e(BN_new());
  if (key == nullptr || n == nullptr || e == nullptr ||
      BN_set_word(e.get(), exponent) != 1 ||
      RSA_set0_key(key.get(), n.get(), e.get(), nullptr) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  (void)n.release();  // owned by `key` now
  (void)e.release();
  return RawRsaKey(std::shared_ptr<RSA>(key.release(), RSA_free));
}

bool RawRsaKey::VerifyPkcs1(HashAlgorithm hash, std::span<const uint8_t> digest,
                            std::span<const uint8_t> signature) const {
  const bool good =
      RSA_verify(EVP_MD_get_type(DigestOf(hash)), digest.data(),
                 static_cast<unsigned>(digest.size()), signature.data(),
                 static_cast<unsigned>(signature.size()), key_.get()) == 1;
  ERR_clear_error();
  return good;
}

bool RawRsaKey::VerifyPss(HashAlgorithm hash, std::span<const uint8_t> digest,
                          std::span<const uint8_t> signature,
                          std::optional<size_t> salt_size) const {
  std::array<uint8_t, kMaxRsaOctets> encoded{};
  const auto size = static_cast<size_t>(RSA_size(key_.get()));
  if (size > encoded.size() || signature.size() != size) {
    return false;
  }
  const int salt = salt_size.has_value() ? static_cast<int>(*salt_size)
                                         : RSA_PSS_SALTLEN_AUTO;
  const EVP_MD* const digest_of = DigestOf(hash);
  const bool good =
      RSA_public_decrypt(static_cast<int>(size), signature.data(),
                         encoded.data(), key_.get(),
                         RSA_NO_PADDING) == static_cast<int>(size) &&
      RSA_verify_PKCS1_PSS_mgf1(key_.get(), digest.data(), digest_of, digest_of,
                                encoded.data(), salt) == 1;
  ERR_clear_error();
  return good;
}

int RawRsaKey::bits() const {
  return RSA_bits(key_.get());
}

UniquePkey RawRsaKey::ToPkey() const {
  const UniqueBuilder builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N,
                             RSA_get0_n(key_.get())) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E,
                             RSA_get0_e(key_.get())) != 1) {
    return nullptr;
  }
  const UniqueParams params(OSSL_PARAM_BLD_to_param(builder.get()));
  const UniquePkeyContext context(
      EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  if (params == nullptr || context == nullptr ||
      EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY,
                        params.get()) != 1) {
    return nullptr;
  }
  return UniquePkey(key);
}

}  // namespace constellation::crypto::internal
