// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_ISSUER_HARDWARE_REPORT_H_
#define CONSTELLATION_ATTESTATION_ISSUER_HARDWARE_REPORT_H_

#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attestation/layer_binding.h"
#include "common/hex.h"

namespace constellation::attestation {

// CPU technologies that sign a report about a guest.
enum class HardwareKind { kSnp, kTdx };

// "SEV-SNP" or "TDX".
std::string_view ToString(HardwareKind kind);

// A report as kernel and host gave it. Nothing about it is verified.
struct HardwareReport {
  HardwareKind kind{};
  Bytes report;        // ATTESTATION_REPORT of 1184 octets, or a TD quote
  Bytes certificates;  // SNP: certificate table of the host, or empty
};

// Asks this machine's CPU for a report. Implementations are thread-safe.
class HardwareReportProvider {
 public:
  virtual ~HardwareReportProvider() = default;

  // A fresh report that carries `data`. NOT_FOUND if this machine has no such
  // interface, UNAVAILABLE if it is busy or throttled: trying again may help.
  virtual absl::StatusOr<HardwareReport> Report(const ReportData& data) = 0;
};

// OK if `report` has the form of its kind and carries `data`: what comes from a
// shared interface may have been made for somebody else. INVALID_ARGUMENT if it
// is too short or of another version, UNAVAILABLE if it carries something else.
absl::Status CheckReportCarries(const HardwareReport& report,
                                const ReportData& data);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_ISSUER_HARDWARE_REPORT_H_
