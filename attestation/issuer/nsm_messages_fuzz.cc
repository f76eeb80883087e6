// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>

#include "attestation/issuer/nsm_messages.h"

// A document that was found lies inside the answer.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto document =
      constellation::attestation::DecodeNsmAnswer({data, size});
  if (document.ok() && document->size() > size) {
    std::abort();
  }
  return 0;
}
