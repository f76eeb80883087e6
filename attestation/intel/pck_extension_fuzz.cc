// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <span>

#include "attestation/intel/pck_chain.h"
#include "attestation/intel/pck_extension.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> input(data, size);
  (void)constellation::attestation::ParsePckExtension(input);
  const auto certificate = constellation::crypto::Certificate::FromDer(input);
  if (certificate.ok()) {
    (void)constellation::attestation::PckExtensionOf(*certificate);
    (void)constellation::attestation::CheckPckCriticalExtensions(*certificate);
  }
  return 0;
}
