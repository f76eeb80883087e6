// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "attestation/tdx/ccel.h"
#include "attestation/tdx/td_report_struct.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace constellation::attestation;  // NOLINT(build/namespaces)
  const std::span<const uint8_t> input(data, size);
  const auto report = ParseTdReportStructUnverified(input);
  if (report.ok() && !CheckSameTd(report->report, report->report).ok()) {
    abort();
  }
  (void)CompareCcelUnverified(input, TdReport{});
  return 0;
}
