// SPDX-License-Identifier: Apache-2.0
#include "crypto/public_key.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>

#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/internal/openssl.h"

namespace constellation::crypto {
namespace {

using internal::OpenSslError;

const EVP_MD* Algorithm(HashAlgorithm hash) {
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

// The 0x04 form of a point, or nothing if a coordinate is too long.
Bytes UncompressedPoint(size_t size, std::span<const uint8_t> x,
                        std::span<const uint8_t> y) {
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

internal::UniquePkey FromParams(const char* type, OSSL_PARAM_BLD* builder) {
  const std::unique_ptr<OSSL_PARAM, internal::Deleter<OSSL_PARAM_free>> params(
      OSSL_PARAM_BLD_to_param(builder));
  const internal::UniquePkeyContext context(
      EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (params == nullptr || context == nullptr ||
      EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY,
                        params.get()) != 1) {
    return nullptr;
  }
  return internal::UniquePkey(key);
}

using UniqueBuilder =
    std::unique_ptr<OSSL_PARAM_BLD, internal::Deleter<OSSL_PARAM_BLD_free>>;

}  // namespace

struct PublicKey::Key {
  internal::UniquePkey handle;

  absl::Status Verify(HashAlgorithm hash, int padding,
                      std::span<const uint8_t> message,
                      std::span<const uint8_t> signature) const {
    const internal::UniqueDigestContext context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    if (context == nullptr ||
        EVP_DigestVerifyInit(context.get(), &options, Algorithm(hash), nullptr,
                             handle.get()) != 1) {
      return OpenSslError(absl::StatusCode::kInvalidArgument,
                          "signature scheme");
    }
    if (padding != 0 && EVP_PKEY_CTX_set_rsa_padding(options, padding) != 1) {
      return OpenSslError(absl::StatusCode::kInvalidArgument,
                          "signature padding");
    }
    if (padding == RSA_PKCS1_PSS_PADDING &&
        EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_AUTO) != 1) {
      return OpenSslError(absl::StatusCode::kInvalidArgument, "signature salt");
    }
    if (EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                         message.data(), message.size()) != 1) {
      return OpenSslError(absl::StatusCode::kUnauthenticated,
                          "signature does not verify");
    }
    return absl::OkStatus();
  }
};

absl::StatusOr<PublicKey> PublicKey::FromEcPoint(EcCurve curve,
                                                 std::span<const uint8_t> x,
                                                 std::span<const uint8_t> y) {
  const bool p256 = curve == EcCurve::kP256;
  const Bytes point = UncompressedPoint(p256 ? 32 : 48, x, y);
  if (point.empty()) {
    return InvalidArgument(
        "EC key: a coordinate is longer than the curve's size");
  }
  const UniqueBuilder builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                      p256 ? "P-256" : "P-384", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY,
                                       point.data(), point.size()) != 1) {
    return OpenSslError(absl::StatusCode::kInternal, "EC key");
  }
  auto key = std::make_shared<Key>();
  key->handle = FromParams("EC", builder.get());
  if (key->handle == nullptr) {
    return OpenSslError(absl::StatusCode::kInvalidArgument,
                        "EC key: not a point of the curve");
  }
  return PublicKey(std::move(key));
}

absl::StatusOr<PublicKey> PublicKey::FromRsa(std::span<const uint8_t> modulus,
                                             uint32_t exponent) {
  if (modulus.size() < 256 || modulus.size() > 512 || modulus[0] == 0 ||
      exponent < 3 || exponent % 2 == 0) {
    return InvalidArgument(
        fmt::format("RSA key: want 256 to 512 octets without leading zero, odd "
                    "exponent; got {} octets, {}",
                    modulus.size(), exponent));
  }
  const UniqueBuilder builder(OSSL_PARAM_BLD_new());
  const internal::UniqueBignum n(
      BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr));
  if (builder == nullptr || n == nullptr ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) !=
          1 ||
      OSSL_PARAM_BLD_push_uint32(builder.get(), OSSL_PKEY_PARAM_RSA_E,
                                 exponent) != 1) {
    return OpenSslError(absl::StatusCode::kInternal, "RSA key");
  }
  auto key = std::make_shared<Key>();
  key->handle = FromParams("RSA", builder.get());
  if (key->handle == nullptr) {
    return OpenSslError(absl::StatusCode::kInvalidArgument, "RSA key");
  }
  return PublicKey(std::move(key));
}

absl::StatusOr<PublicKey> PublicKey::FromSpki(std::span<const uint8_t> der) {
  if (der.size() > 8192) {
    return InvalidArgument(fmt::format(
        "public key: want at most 8192 octets, got {}", der.size()));
  }
  const unsigned char* position = der.data();
  auto key = std::make_shared<Key>();
  key->handle.reset(
      d2i_PUBKEY(nullptr, &position, static_cast<long>(der.size())));
  if (key->handle == nullptr || position != der.data() + der.size()) {
    return OpenSslError(absl::StatusCode::kInvalidArgument, "public key");
  }
  return PublicKey(std::move(key));
}

Bytes PublicKey::ToSpki() const {
  return internal::ToDer(i2d_PUBKEY, key_->handle.get());
}

KeyType PublicKey::type() const {
  switch (EVP_PKEY_get_base_id(key_->handle.get())) {
    case EVP_PKEY_EC:
      return KeyType::kEc;
    case EVP_PKEY_RSA:
      return KeyType::kRsa;
    default:
      return KeyType::kOther;
  }
}

int PublicKey::bits() const {
  return EVP_PKEY_get_bits(key_->handle.get());
}

absl::Status PublicKey::VerifyEcdsa(HashAlgorithm hash,
                                    std::span<const uint8_t> message,
                                    std::span<const uint8_t> r,
                                    std::span<const uint8_t> s) const {
  if (type() != KeyType::kEc) {
    return InvalidArgument("ECDSA signature: the key is not an EC key");
  }
  constexpr size_t kMaxScalar = 72;
  if (r.size() > kMaxScalar || s.size() > kMaxScalar) {
    return InvalidArgument("ECDSA signature: r or s is too long");
  }
  internal::UniqueBignum r_number(
      BN_bin2bn(r.data(), static_cast<int>(r.size()), nullptr));
  internal::UniqueBignum s_number(
      BN_bin2bn(s.data(), static_cast<int>(s.size()), nullptr));
  const internal::UniqueSignature signature(ECDSA_SIG_new());
  if (r_number == nullptr || s_number == nullptr || signature == nullptr ||
      ECDSA_SIG_set0(signature.get(), r_number.get(), s_number.get()) != 1) {
    return OpenSslError(absl::StatusCode::kInternal, "ECDSA signature");
  }
  (void)r_number.release();  // owned by `signature` now
  (void)s_number.release();
  return key_->Verify(hash, 0, message,
                      internal::ToDer(i2d_ECDSA_SIG, signature.get()));
}

absl::Status PublicKey::VerifyRsaPkcs1(
    HashAlgorithm hash, std::span<const uint8_t> message,
    std::span<const uint8_t> signature) const {
  if (type() != KeyType::kRsa) {
    return InvalidArgument("RSA signature: the key is not an RSA key");
  }
  return key_->Verify(hash, RSA_PKCS1_PADDING, message, signature);
}

absl::Status PublicKey::VerifyRsaPss(HashAlgorithm hash,
                                     std::span<const uint8_t> message,
                                     std::span<const uint8_t> signature) const {
  if (type() != KeyType::kRsa) {
    return InvalidArgument("RSA signature: the key is not an RSA key");
  }
  return key_->Verify(hash, RSA_PKCS1_PSS_PADDING, message, signature);
}

absl::StatusOr<Bytes> PublicKey::EncryptOaep(
    HashAlgorithm hash, std::span<const uint8_t> label,
    std::span<const uint8_t> plain) const {
  const internal::UniquePkeyContext context(
      EVP_PKEY_CTX_new_from_pkey(nullptr, key_->handle.get(), nullptr));
  // set0 takes ownership of a buffer from OpenSSL's allocator.
  void* const copy =
      label.empty() ? nullptr : OPENSSL_memdup(label.data(), label.size());
  if (context == nullptr || EVP_PKEY_encrypt_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) !=
          1 ||
      EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), Algorithm(hash)) != 1 ||
      EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), Algorithm(hash)) != 1 ||
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
