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

#include <algorithm>
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

// With a table of multiples of the generator, which every verification uses.
const EC_GROUP* NewP384() {
  EC_GROUP* const group = EC_GROUP_new_by_curve_name(NID_secp384r1);
  if (group != nullptr && EC_GROUP_precompute_mult(group, nullptr) != 1) {
    ERR_clear_error();  // slower without, but right
  }
  return group;
}

// Constants of the curves, made once and never freed.
const EC_GROUP* GroupOf(EcCurve curve) {
  static const EC_GROUP* const p256 =
      EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
  static const EC_GROUP* const p384 = NewP384();
  return curve == EcCurve::kP256 ? p256 : p384;
}

using UniquePoint = std::unique_ptr<EC_POINT, Deleter<EC_POINT_free>>;
using UniqueBnContext = std::unique_ptr<BN_CTX, Deleter<BN_CTX_free>>;

// Half of the bits of a P-384 scalar.
constexpr int kHalf = 192;
constexpr size_t kP384Octets = 48;

// 2^192 times `point` of P-384, or null.
UniquePoint UpperOf(const EC_POINT* point) {
  const EC_GROUP* const group = GroupOf(EcCurve::kP384);
  const UniqueBignum factor(BN_new());
  UniquePoint upper(EC_POINT_new(group));
  if (factor == nullptr || upper == nullptr ||
      BN_set_bit(factor.get(), kHalf) != 1 ||
      EC_POINT_mul(group, upper.get(), nullptr, point, factor.get(), nullptr) !=
          1 ||
      EC_POINT_make_affine(group, upper.get(), nullptr) != 1) {
    ERR_clear_error();
    return nullptr;
  }
  return upper;
}

// Whether the x-coordinate of `point`, taken modulo the order, is `r`, which is
// below the order. With x = X / Z^2 that is X = r Z^2 or X = (r + n) Z^2: two
// products instead of an inversion.
bool HasX(const EC_GROUP* group, const EC_POINT* point, const BIGNUM* r,
          BN_CTX* context) {
  const BIGNUM* const field = EC_GROUP_get0_field(group);
  const UniqueBignum x(BN_new());
  const UniqueBignum z_squared(BN_new());
  const UniqueBignum candidate(BN_dup(r));
  const UniqueBignum product(BN_new());
  if (x == nullptr || z_squared == nullptr || candidate == nullptr ||
      product == nullptr || EC_POINT_is_at_infinity(group, point) != 0 ||
      EC_POINT_get_Jprojective_coordinates_GFp(group, point, x.get(), nullptr,
                                               z_squared.get(), context) != 1 ||
      BN_mod_sqr(z_squared.get(), z_squared.get(), field, context) != 1) {
    return false;
  }
  // Twice at most: the order is more than half of the field.
  while (BN_cmp(candidate.get(), field) < 0) {
    if (BN_mod_mul(product.get(), candidate.get(), z_squared.get(), field,
                   context) != 1) {
      return false;
    }
    if (BN_cmp(product.get(), x.get()) == 0) {
      return true;
    }
    if (BN_add(candidate.get(), candidate.get(), EC_GROUP_get0_order(group)) !=
        1) {
      return false;
    }
  }
  return false;
}

// Big-endian, any number of leading zeros.
UniqueBignum Number(std::span<const uint8_t> octets) {
  return UniqueBignum(
      BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
}

}  // namespace

// Fetched once per process: OpenSSL 3 looks an algorithm up on every implicit
// fetch.
const EVP_MD* DigestOf(HashAlgorithm hash) {
  static const EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  static const EVP_MD* const sha384 = EVP_MD_fetch(nullptr, "SHA384", nullptr);
  static const EVP_MD* const sha512 = EVP_MD_fetch(nullptr, "SHA512", nullptr);
  switch (hash) {
    case HashAlgorithm::kSha1:
      return sha1;
    case HashAlgorithm::kSha384:
      return sha384;
    case HashAlgorithm::kSha512:
      return sha512;
    case HashAlgorithm::kSha256:
      break;
  }
  return sha256;
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
  if (r_number == nullptr || s_number == nullptr) {
    return false;
  }
  if (curve_ == EcCurve::kP384) {
    const bool good = VerifyP384(digest, r_number.get(), s_number.get());
    ERR_clear_error();
    return good;
  }
  const UniqueSignature signature(ECDSA_SIG_new());
  if (signature == nullptr ||
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

// SEC 1 section 4.1.4, where OpenSSL inverts three times in constant time. All
// numbers are public: time may depend on them.
bool RawEcKey::VerifyP384(std::span<const uint8_t> digest, const BIGNUM* r,
                          const BIGNUM* s) const {
  const EC_GROUP* const group = GroupOf(EcCurve::kP384);
  const BIGNUM* const order = EC_GROUP_get0_order(group);
  if (BN_is_zero(r) || BN_is_zero(s) || BN_cmp(r, order) >= 0 ||
      BN_cmp(s, order) >= 0) {
    return false;
  }
  const UniqueBnContext context(BN_CTX_new());
  // The leftmost bits, as many as the order has: 384, so whole octets.
  const UniqueBignum e =
      Number(digest.first(std::min(digest.size(), kP384Octets)));
  const UniqueBignum inverse(BN_new());
  const UniqueBignum u1(BN_new());
  const UniqueBignum u2(BN_new());
  const UniquePoint sum(EC_POINT_new(group));
  return context != nullptr && e != nullptr && inverse != nullptr &&
         u1 != nullptr && u2 != nullptr && sum != nullptr &&
         BN_mod_inverse(inverse.get(), s, order, context.get()) != nullptr &&
         BN_mod_mul(u1.get(), e.get(), inverse.get(), order, context.get()) ==
             1 &&
         BN_mod_mul(u2.get(), r, inverse.get(), order, context.get()) == 1 &&
         AddProducts(u1.get(), u2.get(), sum.get(), context.get()) &&
         HasX(group, sum.get(), r, context.get());
}

// u1 G + u2 Q. A prepared key has Q in two parts: then u2 is cut in halves,
// which has half of the doublings; both give the same sum.
bool RawEcKey::AddProducts(const BIGNUM* u1, const BIGNUM* u2, EC_POINT* sum,
                           BN_CTX* context) const {
  const EC_GROUP* const group = GroupOf(EcCurve::kP384);
  const EC_POINT* const point = EC_KEY_get0_public_key(key_.get());
  if (upper_ == nullptr) {
    return EC_POINT_mul(group, sum, u1, point, u2, context) == 1;
  }
  const UniqueBignum lower(BN_dup(u2));
  const UniqueBignum upper(BN_new());
  if (lower == nullptr || upper == nullptr ||
      BN_rshift(upper.get(), u2, kHalf) != 1 ||
      (BN_num_bits(u2) > kHalf && BN_mask_bits(lower.get(), kHalf) != 1)) {
    return false;
  }
  std::array<const EC_POINT*, 2> points = {point, upper_.get()};
  std::array<const BIGNUM*, 2> scalars = {lower.get(), upper.get()};
  return EC_POINTs_mul(group, sum, u1, points.size(), points.data(),
                       scalars.data(), context) == 1;
}

// Only P-384 gains: OpenSSL has special code for P-256.
RawEcKey RawEcKey::Prepared() const {
  RawEcKey prepared = *this;
  if (curve_ == EcCurve::kP384 && upper_ == nullptr) {
    UniquePoint upper = UpperOf(EC_KEY_get0_public_key(key_.get()));
    if (upper != nullptr) {
      prepared.upper_ =
          std::shared_ptr<const EC_POINT>(upper.release(), EC_POINT_free);
    }
  }
  return prepared;
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

// The raw operation, then the encoding: EVP would build a context for each
// signature.
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

// For what only EVP can do: OAEP, and writing a SubjectPublicKeyInfo.
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
