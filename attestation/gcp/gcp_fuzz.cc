// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "attestation/gcp/gcp_verifier.h"
#include "attestation/gcp/issuer_url.h"
#include "attestation/tpm/crl_location.h"

// The instance extension, places that a certificate names, the marker in a log,
// and whole evidence: noise must never verify.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace constellation::attestation;  // NOLINT(build/namespaces)
  using constellation::crypto::Certificate;
  constexpr size_t kRows = static_cast<size_t>(GcpCheckId::kTechnology) + 1;
  const std::span<const uint8_t> input(data, size);
  (void)ParseGceInstanceUnverified(input);
  const auto log = ParseEventLogUnverified(input);
  if (log.ok()) {
    (void)FindGceTechnologyUnverified(*log, 0x000b);
  }
  std::vector<Certificate> candidates;
  if (const auto certificate = Certificate::FromDer(input); certificate.ok()) {
    candidates = {*certificate, *certificate};
    (void)IssuerUrlOfUnverified(*certificate);
    (void)CrlUrlsOfUnverified(*certificate);
  }
  GcpTrust trust;
  trust.now = absl::FromUnixSeconds(1770113522);
  const GcpEvidenceUnverified evidence{.ak_certificate = input,
                                       .quote = {.attest = input,
                                                 .signature = input,
                                                 .ak = {},
                                                 .bank = 0x000b,
                                                 .registers = {}},
                                       .event_log = input};
  const GcpVerification result = CheckGcp(evidence, candidates, trust, input);
  if (result.checks.size() != kRows || result.machine.has_value()) {
    abort();
  }
  return 0;
}
