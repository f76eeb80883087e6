// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include "cloud/gcp/gcp_metadata.h"
#include "common/hex.h"

// Any octets give metadata or a status, never a crash.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = constellation::AsText({data, size});
  (void)constellation::cloud::gcp::ParseSelf(text, "project");
  (void)constellation::cloud::gcp::CheckEndpoint(text);
  return 0;
}
