// SPDX-License-Identifier: Apache-2.0
#include "crypto/ed25519.h"

#include <fmt/format.h>

#include "common/status.h"
#include "crypto/internal/openssl.h"

namespace constellation::crypto {
namespace {

// Made anew for each use, so that only the seed, in wiped memory, lives long.
internal::UniquePkey PrivateKey(const SecretBytes& seed) {
  return internal::UniquePkey(EVP_PKEY_new_raw_private_key(
      EVP_PKEY_ED25519, nullptr, seed.Expose().data(), seed.size()));
}

}  // namespace

// RFC 8032 5.1.5: the seed is the private key.
absl::StatusOr<Ed25519Signer> Ed25519Signer::FromSeed(const SecretBytes& seed) {
  if (seed.size() != 32) {
    return InvalidArgument(
        fmt::format("Ed25519 seed: want 32 octets, got {}", seed.size()));
  }
  const internal::UniquePkey key = PrivateKey(seed);
  Ed25519PublicKey public_key{};
  size_t size = public_key.size();
  if (key == nullptr ||
      EVP_PKEY_get_raw_public_key(key.get(), public_key.data(), &size) != 1) {
    return internal::OpenSslError(absl::StatusCode::kInternal, "Ed25519 key");
  }
  return Ed25519Signer(seed.Clone(), public_key);
}

// Deterministic (RFC 8032): the same message gives the same signature.
absl::StatusOr<Ed25519Signature> Ed25519Signer::Sign(
    std::span<const uint8_t> message) const {
  const internal::UniquePkey key = PrivateKey(seed_);
  const internal::UniqueDigestContext context(EVP_MD_CTX_new());
  Ed25519Signature signature{};
  size_t size = signature.size();
  if (key == nullptr || context == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) !=
          1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, message.data(),
                     message.size()) != 1) {
    return internal::OpenSslError(absl::StatusCode::kInternal,
                                  "Ed25519 signature");
  }
  return signature;
}

// OpenSSL refuses s that is not reduced, so a signature cannot be changed into
// another one for the same message.
absl::Status VerifyEd25519(const Ed25519PublicKey& key,
                           std::span<const uint8_t> message,
                           std::span<const uint8_t> signature) {
  const internal::UniquePkey public_key(EVP_PKEY_new_raw_public_key(
      EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  const internal::UniqueDigestContext context(EVP_MD_CTX_new());
  if (public_key == nullptr || context == nullptr ||
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr,
                           public_key.get()) != 1 ||
      EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                       message.data(), message.size()) != 1) {
    return internal::OpenSslError(absl::StatusCode::kUnauthenticated,
                                  "Ed25519 signature");
  }
  return absl::OkStatus();
}

}  // namespace constellation::crypto
