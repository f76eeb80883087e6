// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "attestation/intel/quote_verifier.h"

namespace {

using namespace constellation::attestation;  // NOLINT(build/namespaces)

}  // namespace

// Nothing made of noise may verify, and every check must have its row.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const IntelTrustAnchors& anchors =
      *new IntelTrustAnchors(IntelTrustAnchors::Create().value());
  constexpr size_t kRows = 8;
  const IntelChainVerification result =
      CheckIntelQuoteChain(std::span<const uint8_t>(data, size), anchors,
                           {.now = absl::FromUnixSeconds(1750000000)});
  // A genuine quote may be in the corpus.
  if (result.checks.size() != kRows ||
      result.quote.has_value() != FirstFailure(result.checks, "quote").ok()) {
    abort();
  }
  return 0;
}
