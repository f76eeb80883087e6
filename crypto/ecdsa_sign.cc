// SPDX-License-Identifier: Apache-2.0
#include "crypto/ecdsa_sign.h"

#include "crypto/internal/openssl.h"
#include "crypto/internal/p256_access.h"

namespace constellation::crypto {

// OpenSSL draws the nonce from its generator, mixed with key and message.
absl::StatusOr<Bytes> SignEcdsaSha256(const P256PrivateKey& key,
                                      std::span<const uint8_t> message) {
  EVP_PKEY* const handle = P256Access::Handle(key);
  const internal::UniqueDigestContext context(EVP_MD_CTX_new());
  size_t size = 0;
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr,
                         handle) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, message.data(),
                     message.size()) != 1) {
    return internal::OpenSslError(absl::StatusCode::kInternal,
                                  "ECDSA signature");
  }
  Bytes signature(size);
  if (EVP_DigestSign(context.get(), signature.data(), &size, message.data(),
                     message.size()) != 1) {
    return internal::OpenSslError(absl::StatusCode::kInternal,
                                  "ECDSA signature");
  }
  signature.resize(size);
  return signature;
}

}  // namespace constellation::crypto
