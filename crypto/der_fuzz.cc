// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/der.h"

namespace {

// Visits every element, constructed ones with their contents, at most eight
// levels deep.
void Visit(std::span<const uint8_t> der, int depth) {
  constellation::crypto::DerReader reader(der);
  while (!reader.empty() && depth < 8) {
    const auto element = reader.Next();
    if (!element.ok()) {
      return;
    }
    (void)constellation::crypto::DerUnsigned(element->contents, "number");
    (void)constellation::crypto::DerBool(element->contents, "flag");
    (void)constellation::crypto::DerBitOctets(element->contents, "bits");
    (void)constellation::crypto::DerTime(*element, "time");
    (void)constellation::crypto::DerOidText(element->contents);
    Visit(element->contents, depth + 1);
  }
}

}  // namespace

// Any octets give a value or a status, never a crash.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Visit(std::span(data, size), 0);
  (void)constellation::crypto::ParseEcdsaSignature(std::span(data, size));
  return 0;
}
