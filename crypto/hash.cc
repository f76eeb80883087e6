// SPDX-License-Identifier: Apache-2.0
#include "crypto/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdlib>

namespace constellation::crypto {
namespace {

// These primitives fail only when libcrypto cannot allocate or was built
// without them: nothing a caller could handle.
void Check(bool ok) {
  if (!ok) {
    std::abort();
  }
}

template <size_t kSize>
std::array<uint8_t, kSize> Digest(const EVP_MD* algorithm,
                                  std::span<const uint8_t> data) {
  std::array<uint8_t, kSize> digest{};
  unsigned size = 0;
  Check(EVP_Digest(data.data(), data.size(), digest.data(), &size, algorithm,
                   nullptr) == 1 &&
        size == kSize);
  return digest;
}

struct ContextDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

std::array<uint8_t, 20> Sha1(std::span<const uint8_t> data) {
  return Digest<20>(EVP_sha1(), data);
}
Sha256Digest Sha256(std::span<const uint8_t> data) {
  return Digest<32>(EVP_sha256(), data);
}
Sha384Digest Sha384(std::span<const uint8_t> data) {
  return Digest<48>(EVP_sha384(), data);
}
Sha512Digest Sha512(std::span<const uint8_t> data) {
  return Digest<64>(EVP_sha512(), data);
}

struct Sha256Hasher::State {
  std::unique_ptr<EVP_MD_CTX, ContextDeleter> context{EVP_MD_CTX_new()};
};

Sha256Hasher::Sha256Hasher() : state_(std::make_unique<State>()) {
  Check(state_->context != nullptr &&
        EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) == 1);
}
Sha256Hasher::Sha256Hasher(Sha256Hasher&&) noexcept = default;
Sha256Hasher& Sha256Hasher::operator=(Sha256Hasher&&) noexcept = default;
Sha256Hasher::~Sha256Hasher() = default;

void Sha256Hasher::Update(std::span<const uint8_t> data) {
  Check(EVP_DigestUpdate(state_->context.get(), data.data(), data.size()) == 1);
}

// Ready for the next message: event logs hash thousands of small ones.
Sha256Digest Sha256Hasher::Finish() {
  Sha256Digest digest{};
  Check(EVP_DigestFinal_ex(state_->context.get(), digest.data(), nullptr) ==
            1 &&
        EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) == 1);
  return digest;
}

// HMAC() takes a null key for "the one before", hence kNoKey.
Sha256Digest HmacSha256(const SecretBytes& key, std::span<const uint8_t> data) {
  Sha256Digest mac{};
  unsigned size = 0;
  static constexpr uint8_t kNoKey = 0;
  const std::span<const uint8_t> octets = key.Expose();
  Check(HMAC(EVP_sha256(), octets.empty() ? &kNoKey : octets.data(),
             static_cast<int>(octets.size()), data.data(), data.size(),
             mac.data(), &size) != nullptr &&
        size == mac.size());
  return mac;
}

// The length is no secret.
bool EqualsConstantTime(std::span<const uint8_t> a,
                        std::span<const uint8_t> b) {
  return a.size() == b.size() &&
         (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

}  // namespace constellation::crypto
