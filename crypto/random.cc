// SPDX-License-Identifier: Apache-2.0
#include "crypto/random.h"

#include <openssl/rand.h>

#include <cstdlib>
#include <span>

namespace constellation::crypto {
namespace {

void Fill(std::span<uint8_t> octets) {
  if (!octets.empty() &&
      RAND_bytes(octets.data(), static_cast<int>(octets.size())) != 1) {
    std::abort();  // going on with predictable keys would be worse
  }
}

}  // namespace

Bytes RandomBytes(size_t size) {
  Bytes bytes(size);
  Fill(bytes);
  return bytes;
}

SecretBytes RandomSecret(size_t size) {
  SecretBytes secret(size);
  Fill(secret.ExposeMutable());
  return secret;
}

// RFC 9562, version 4.
std::string RandomUuid() {
  Bytes octets = RandomBytes(16);
  octets[6] = static_cast<uint8_t>((octets[6] & 0x0FU) | 0x40U);
  octets[8] = static_cast<uint8_t>((octets[8] & 0x3FU) | 0x80U);
  std::string text = HexEncode(octets);
  for (const size_t position : {8U, 13U, 18U, 23U}) {
    text.insert(position, 1, '-');
  }
  return text;
}

}  // namespace constellation::crypto
