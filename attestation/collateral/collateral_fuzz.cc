// SPDX-License-Identifier: Apache-2.0
#include <cstdint>

#include "attestation/collateral/collateral.h"
#include "attestation/collateral/collateral_fetcher.h"
#include "attestation/collateral/vendor_items.h"
#include "common/hex.h"

// Everything that a server's answer or a certificate's URL reaches first.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace constellation::attestation;
  if (size == 0) {
    return 0;
  }
  const std::string_view text = constellation::AsText({data + 1, size - 1});
  switch (data[0] % 8) {
    case 0:
      (void)DecodeIssuerChain(text);
      break;
    case 1:
      (void)TcbDocumentFactsUnverified(text);
      break;
    case 2:
      (void)ParseRetryAfter(text, absl::UnixEpoch());
      break;
    case 3:
      (void)IssuerItem(text, GoogleIssuerHosts());
      break;
    default:
      (void)NormaliseContent(static_cast<CollateralFormat>(data[0] % 4), text,
                             "fuzz");
  }
  return 0;
}
