// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/crl.h"

// Any octets give a value or a status, never a crash.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> octets(data, size);
  const auto list = constellation::crypto::RevocationList::FromDer(octets);
  if (list.ok()) {
    (void)list->Issuer();
    (void)list->IsRevoked(octets.first(size < 3 ? size : 3));
    (void)list->CheckValidAt(list->ThisUpdate());
  }
  return 0;
}
