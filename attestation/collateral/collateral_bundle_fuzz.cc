// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "attestation/collateral/collateral_bundle.h"
#include "common/hex.h"

// What was read can be written, and reads as the same again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using constellation::attestation::CollateralBundle;
  const auto bundle =
      CollateralBundle::Parse(constellation::AsText({data, size}));
  if (bundle.ok()) {
    const std::string text = bundle->Serialise();
    const auto again = CollateralBundle::Parse(text);
    if (!again.ok() || again->Serialise() != text) {
      std::abort();
    }
  }
  return 0;
}
