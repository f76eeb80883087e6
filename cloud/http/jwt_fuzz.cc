// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "cloud/http/jwt.h"
#include "cloud/json_fields.h"

// Any octets give claims or a status, never a crash.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto claims = constellation::cloud::JwtClaimsUnverified(
      constellation::AsText({data, size}));
  if (claims.ok()) {
    (void)constellation::cloud::DumpJson(*claims);
  }
  return 0;
}
