// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/hardware_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

// AMD 56860, ATTESTATION_REPORT.
constexpr size_t kSnpReportSize = 0x4a0;
constexpr size_t kSnpReportDataOffset = 0x50;
// Intel TDX DCAP quote, versions 4 and 5: header, in version 5 also body type
// and size, then the TD report.
constexpr size_t kQuoteBodyOffsetV4 = 48;
constexpr size_t kQuoteBodyOffsetV5 = 54;
constexpr size_t kTdReportDataOffset = 520;

absl::StatusOr<std::span<const uint8_t>> ReportDataOf(
    const HardwareReport& report) {
  const std::span<const uint8_t> bytes = report.report;
  size_t offset = kSnpReportDataOffset;
  if (report.kind == HardwareKind::kSnp) {
    if (bytes.size() != kSnpReportSize) {
      return InvalidArgument(fmt::format("SNP report: want {} bytes, got {}",
                                         kSnpReportSize, bytes.size()));
    }
  } else {
    const unsigned version =
        bytes.size() < 2 ? 0U : bytes[0] | unsigned{bytes[1]} << 8U;
    if (version != 4 && version != 5) {
      return InvalidArgument(
          fmt::format("TD quote: want version 4 or 5, got {}", version));
    }
    offset = (version == 4 ? kQuoteBodyOffsetV4 : kQuoteBodyOffsetV5) +
             kTdReportDataOffset;
  }
  if (bytes.size() < offset + kReportDataSize) {
    return InvalidArgument(fmt::format(
        "{} report: want at least {} bytes, "
        "got {}",
        ToString(report.kind), offset + kReportDataSize, bytes.size()));
  }
  return bytes.subspan(offset, kReportDataSize);
}

}  // namespace

std::string_view ToString(HardwareKind kind) {
  return kind == HardwareKind::kSnp ? "SEV-SNP" : "TDX";
}

// Drivers share one interface between programs: a report that was made for
// another's data would be refused by every verifier.
absl::Status CheckReportCarries(const HardwareReport& report,
                                const ReportData& data) {
  ASSIGN_OR_RETURN(const std::span<const uint8_t> carried,
                   ReportDataOf(report));
  if (!std::ranges::equal(carried, data)) {
    return Unavailable(fmt::format(
        "{} report: want report data {}, got {}: another program asked at the "
        "same time",
        ToString(report.kind), HexEncode(data), HexEncode(carried)));
  }
  return absl::OkStatus();
}

}  // namespace constellation::attestation
