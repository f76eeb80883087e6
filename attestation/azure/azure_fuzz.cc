// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "attestation/azure/azure_verifier.h"

// HCL reports, runtime data, and whole evidence: noise must never verify.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace constellation::attestation;  // NOLINT(build/namespaces)
  constexpr size_t kRows = static_cast<size_t>(AzureCheckId::kQuote) + 1;
  const std::span<const uint8_t> input(data, size);
  (void)ParseRuntimeDataUnverified(input);
  const auto report = ParseHclReportUnverified(input);
  AzureHardware hardware{.type = HclReportType::kSnp, .report_data = {}};
  if (report.ok()) {
    (void)ParseRuntimeDataUnverified(report->runtime_data);
    hardware = {.type = report->type, .report_data = report->report_data};
  }
  const AzureEvidenceUnverified evidence{.hcl_report = input,
                                         .quote = {.attest = input,
                                                   .signature = input,
                                                   .ak = {},
                                                   .bank = 0x000b,
                                                   .registers = {}}};
  const AzureVerification result =
      CheckAzure(evidence, hardware, input.first(size < 8 ? size : 8));
  if (result.checks.size() != kRows || result.machine.has_value()) {
    abort();
  }
  return 0;
}
