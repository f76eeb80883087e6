// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "attestation/aws/cbor_reader.h"
#include "attestation/aws/nitro_verifier.h"

// CBOR, COSE and documents: noise must never verify.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace constellation::attestation;  // NOLINT(build/namespaces)
  constexpr size_t kRows = static_cast<size_t>(NitroCheckId::kNonce) + 1;
  const std::span<const uint8_t> input(data, size);
  (void)DecodeCbor(input);
  (void)ParseNitroDocumentUnverified(input);
  const auto cose = ParseCoseSign1Unverified(input);
  if (cose.ok() && CoseSigStructure(*cose).size() <
                       cose->payload.size() + cose->protected_header.size()) {
    abort();
  }
  NitroExpectation want;
  want.now = absl::FromUnixSeconds(1770113522);
  want.max_age = absl::Hours(1000000);
  const NitroVerification result = CheckNitroDocument(input, want);
  // A genuine seed may verify; nothing else can.
  if (result.checks.size() != kRows ||
      (result.document.has_value() && !cose.ok())) {
    abort();
  }
  return 0;
}
