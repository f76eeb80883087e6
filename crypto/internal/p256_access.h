// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_INTERNAL_P256_ACCESS_H_
#define CONSTELLATION_CRYPTO_INTERNAL_P256_ACCESS_H_

#include "crypto/internal/openssl.h"
#include "crypto/p256.h"

namespace constellation::crypto {

struct P256PrivateKey::Key {
  internal::UniquePkey handle;
};

// Lets the rest of crypto/ use the key with OpenSSL.
struct P256Access {
  static EVP_PKEY* Handle(const P256PrivateKey& key) {
    return key.key_->handle.get();
  }
};

}  // namespace constellation::crypto

#endif  // CONSTELLATION_CRYPTO_INTERNAL_P256_ACCESS_H_
