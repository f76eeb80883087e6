// SPDX-License-Identifier: Apache-2.0
#include "crypto/hkdf.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <array>
#include <memory>

#include "common/status.h"
#include "crypto/internal/openssl.h"

namespace constellation::crypto {

absl::StatusOr<SecretBytes> HkdfSha256(const SecretBytes& key,
                                       std::span<const uint8_t> salt,
                                       std::string_view info, size_t length) {
  constexpr size_t kMaxLength = size_t{255} * 32;
  if (key.empty()) {
    return InvalidArgument("hkdf: want a key, got none");
  }
  if (length == 0 || length > kMaxLength) {
    return InvalidArgument(
        fmt::format("hkdf: want 1 to {} octets, got {}", kMaxLength, length));
  }
  const std::unique_ptr<EVP_KDF, internal::Deleter<EVP_KDF_free>> kdf(
      EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  const std::unique_ptr<EVP_KDF_CTX, internal::Deleter<EVP_KDF_CTX_free>>
      context(EVP_KDF_CTX_new(kdf.get()));
  // OSSL_PARAM takes pointers to non-const, and only reads.
  std::array<char, 7> digest{"SHA256"};
  auto* const key_octets = const_cast<uint8_t*>(key.Expose().data());
  static constexpr uint8_t kNone =
      0;  // OpenSSL takes no null pointer, even of length 0
  auto* const salt_octets =
      const_cast<uint8_t*>(salt.empty() ? &kNone : salt.data());
  auto* const info_octets = const_cast<char*>(info.empty() ? "" : info.data());
  const std::array<OSSL_PARAM, 5> params{
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key_octets,
                                        key.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt_octets,
                                        salt.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info_octets,
                                        info.size()),
      OSSL_PARAM_construct_end()};
  SecretBytes derived(length);
  if (context == nullptr ||
      EVP_KDF_derive(context.get(), derived.ExposeMutable().data(), length,
                     params.data()) != 1) {
    return internal::OpenSslError(absl::StatusCode::kInternal, "hkdf");
  }
  return derived;
}

}  // namespace constellation::crypto
