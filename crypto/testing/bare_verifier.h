// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_TESTING_BARE_VERIFIER_H_
#define CONSTELLATION_CRYPTO_TESTING_BARE_VERIFIER_H_

#include <memory>

#include "crypto/public_key.h"

namespace constellation::crypto::testing {

// One signature check by OpenSSL's generic function, with a key of its own that
// is decoded already: the unit in which benchmarks count. Run it in turn with
// what is measured, since machines are noisy and ratios are not.
class BareVerifier final {
 public:
  // On `curve`, over a digest of the curve's size.
  explicit BareVerifier(EcCurve curve);
  BareVerifier(BareVerifier&&) noexcept;
  BareVerifier& operator=(BareVerifier&&) noexcept;
  ~BareVerifier();
  // Checks it once; always true.
  bool Verify() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace constellation::crypto::testing

#endif  // CONSTELLATION_CRYPTO_TESTING_BARE_VERIFIER_H_
