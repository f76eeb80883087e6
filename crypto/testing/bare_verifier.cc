// SPDX-License-Identifier: Apache-2.0
#include "crypto/testing/bare_verifier.h"

#include <utility>

#include "common/hex.h"
#include "crypto/internal/openssl.h"

namespace constellation::crypto::testing {

struct BareVerifier::State {
  internal::UniquePkey key;
  Bytes digest;
  Bytes signature;
};

BareVerifier::BareVerifier(EcCurve curve) : state_(std::make_unique<State>()) {
  const bool p256 = curve == EcCurve::kP256;
  state_->key.reset(EVP_EC_gen(p256 ? "P-256" : "P-384"));
  state_->digest = Bytes(p256 ? 32 : 48, 7);
  state_->signature = Bytes(128);
  const internal::UniquePkeyContext context(
      EVP_PKEY_CTX_new(state_->key.get(), nullptr));
  size_t size = state_->signature.size();
  EVP_PKEY_sign_init(context.get());
  EVP_PKEY_sign(context.get(), state_->signature.data(), &size,
                state_->digest.data(), state_->digest.size());
  state_->signature.resize(size);
}

BareVerifier::BareVerifier(BareVerifier&&) noexcept = default;
BareVerifier& BareVerifier::operator=(BareVerifier&&) noexcept = default;
BareVerifier::~BareVerifier() = default;

bool BareVerifier::Verify() const {
  const internal::UniquePkeyContext context(
      EVP_PKEY_CTX_new(state_->key.get(), nullptr));
  return EVP_PKEY_verify_init(context.get()) == 1 &&
         EVP_PKEY_verify(context.get(), state_->signature.data(),
                         state_->signature.size(), state_->digest.data(),
                         state_->digest.size()) == 1;
}

}  // namespace constellation::crypto::testing
