// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "attestation/tpm/attestation_key.h"
#include "attestation/tpm/pcr_file.h"
#include "attestation/tpm/pcr_quote.h"
#include "attestation/tpm/quote.h"
#include "attestation/tpm/tpm_structures.h"

namespace {

using namespace constellation::attestation;  // NOLINT(build/namespaces)

// The first octets say how the rest is cut into a quote's parts; nothing made
// of noise may verify.
void FuzzQuote(std::span<const uint8_t> input) {
  TpmEvidence evidence;
  const auto take = [&input]() -> constellation::Bytes {
    if (input.empty()) {
      return {};
    }
    const size_t size = std::min<size_t>(input[0], input.size() - 1);
    const auto part = input.subspan(1, size);
    input = input.subspan(1 + size);
    return {part.begin(), part.end()};
  };
  evidence.attest = take();
  evidence.signature = take();
  evidence.ak_public = take();
  const constellation::Bytes indices = take();
  for (const uint8_t index : indices) {
    evidence.pcrs.push_back({.index = index, .sha256 = {}});
  }
  const constellation::Bytes nonce = take();
  const QuoteVerification result = CheckQuote(evidence, nonce);
  if (result.checks.size() != 10 || result.quote.has_value()) {
    abort();
  }
  PcrQuoteUnverified quote{
      .attest = evidence.attest,
      .signature = evidence.signature,
      .ak = evidence.ak_public,
      .bank = indices.empty() ? kTpmAlgSha256 : uint16_t{indices[0]},
      .registers = {}};
  for (const uint8_t index : indices) {
    quote.registers.push_back({.index = index, .value = nonce});
  }
  const PcrQuoteVerification any = CheckPcrQuote(quote, nonce);
  if (any.checks.size() != 11 || any.quote.has_value()) {
    abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> input(data, size);
  (void)ParseAttestUnverified(input);
  (void)ParseSignatureUnverified(input);
  (void)ParsePublicAreaUnverified(input);
  (void)NameOf(input);
  (void)ParsePcrFileUnverified(input);
  (void)ParseAttestationKeyUnverified(input);
  FuzzQuote(input);
  return 0;
}
