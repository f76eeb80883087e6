// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/p256.h"

// Any octets give a value or a status, never a crash.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> octets(data, size);
  (void)constellation::crypto::VerifyCsr(octets);
  return 0;
}
