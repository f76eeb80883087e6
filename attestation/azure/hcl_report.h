// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_AZURE_HCL_REPORT_H_
#define CONSTELLATION_ATTESTATION_AZURE_HCL_REPORT_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/hex.h"

namespace constellation::attestation {

// What kind of hardware report is inside.
enum class HclReportType : uint32_t { kSnp = 2, kTdx = 4 };
// "SEV-SNP" or "TDX".
std::string_view ToString(HclReportType type);

// How the runtime data is hashed into the hardware report.
enum class HclHashType : uint32_t { kSha256 = 1, kSha384 = 2, kSha512 = 3 };
// "sha256", "sha384" or "sha512".
std::string_view ToString(HclHashType type);

// The report that Azure's paravisor (host compatibility layer) keeps in NV
// index 0x01400001 of the virtual machine's vTPM: a hardware report, and the
// JSON whose digest the hardware report carries. All integers little-endian.
// Spans point into the octets that were parsed. Nothing is verified.
struct HclReportUnverified {
  uint32_t version = 0;  // of the header: 1 or 2
  HclReportType type{};
  HclHashType hash{};
  // SNP: ATTESTATION_REPORT, 1184 octets. TDX: TDREPORT_STRUCT, 1024 octets,
  // which only the same machine can check; a TD quote made from it goes beside
  // the HCL report.
  std::span<const uint8_t> hardware_report;
  // The 64 octets of report data inside it.
  std::span<const uint8_t> report_data;
  // The JSON, exactly as long as the report says: what is hashed.
  std::span<const uint8_t> runtime_data;
};

// Reads an HCL report: header of 32 octets ("HCLA"), hardware report area of
// 1184, request data of 20 plus the JSON, then zeros. The usual lengths of 2600
// and 2048 octets are not demanded; at most 16 KiB are read.
//
// INVALID_ARGUMENT, with field and offset, unless magic, version (1, 2),
// request type (2), report and hash type are known, status is 0, all sizes
// agree with each other, and padding is zero. Pure; thread-safe. The contents
// of hardware report and JSON are not looked at.
absl::StatusOr<HclReportUnverified> ParseHclReportUnverified(
    std::span<const uint8_t> bytes);

// The report data that binds `runtime_data`: its digest, then zeros to 64
// octets.
Bytes HclReportData(HclHashType hash, std::span<const uint8_t> runtime_data);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_AZURE_HCL_REPORT_H_
