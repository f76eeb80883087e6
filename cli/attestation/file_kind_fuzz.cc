// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "cli/attestation/show.h"

// Whatever a file holds, it is recognised, decoded and rendered, and no control
// character comes out.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace constellation::cli;  // NOLINT(build/namespaces)
  const ShownFile file = ShowFile("fuzz", std::span(data, size));
  for (const std::string& text :
       {RenderShownTable(file), RenderShownJson(file)}) {
    for (const char c : text) {
      if (static_cast<unsigned char>(c) < 0x20 && c != '\n') {
        abort();
      }
    }
  }
  return 0;
}
