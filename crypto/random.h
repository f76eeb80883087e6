// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_RANDOM_H_
#define CONSTELLATION_CRYPTO_RANDOM_H_

#include <cstddef>
#include <string>

#include "common/hex.h"
#include "common/secret_bytes.h"

namespace constellation::crypto {

// `size` octets of the operating system's generator (through OpenSSL's DRBG).
// Ends the program if there is no entropy. Thread-safe.
Bytes RandomBytes(size_t size);
SecretBytes RandomSecret(size_t size);

// A fresh version 4 UUID, RFC 4122, lower case with hyphens.
std::string RandomUuid();

}  // namespace constellation::crypto

#endif  // CONSTELLATION_CRYPTO_RANDOM_H_
