// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <span>

#include "attestation/intel/collateral.h"
#include "common/hex.h"

namespace {

using namespace constellation::attestation;  // NOLINT(build/namespaces)

// 1e999 is JSON, too, but no number that nlohmann-json can hold.
bool IsJson(std::string_view text) {
  try {
    (void)nlohmann::json::parse(text);
  } catch (const nlohmann::json::out_of_range&) {
    return true;
  } catch (const nlohmann::json::parse_error&) {
    return false;
  }
  return true;
}

// Whatever our scanner takes for JSON is JSON.
void CompareReaders(std::string_view text) {
  JsonScanner scanner(text);
  if (scanner.Skip().ok() && scanner.ExpectEnd().ok() && !IsJson(text)) {
    abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const IntelTrustAnchors& anchors =
      *new IntelTrustAnchors(IntelTrustAnchors::Create().value());
  const std::span<const uint8_t> input(data, size);
  const std::string text(constellation::AsText(input));
  CompareReaders(text);
  (void)ParseTcbInfoUnverified(text);
  (void)ParseEnclaveIdentityUnverified(text);
  (void)ParseCrlUnverified(input);
  (void)ParseCertificatesUnverified(input);
  const IntelCollateral collateral = {.tcb_info = text,
                                      .enclave_identity = text,
                                      .tcb_signing_chain = text,
                                      .enclave_identity_chain = {},
                                      .pck_crl = {input.begin(), input.end()},
                                      .root_crl = {input.begin(), input.end()},
                                      .pck_crl_issuer_chain = {},
                                      .pck_chain = {}};
  // One input cannot be all of its parts.
  if (CheckIntelCollateral(collateral, anchors,
                           absl::FromUnixSeconds(1750000000))
          .collateral.has_value()) {
    abort();
  }
  return 0;
}
