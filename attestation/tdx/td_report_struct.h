// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TDX_TD_REPORT_STRUCT_H_
#define CONSTELLATION_ATTESTATION_TDX_TD_REPORT_STRUCT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attestation/intel/report_body.h"

namespace constellation::attestation {

inline constexpr size_t kTdReportStructSize = 1024;

// TDREPORT_STRUCT (Intel TDX Module ABI): what a TD gets from its CPU, before a
// quoting enclave turns it into a quote. It is authenticated by a key that only
// the same CPU has (MAC), so nobody else can verify it: compare it with a
// verified quote.
struct TdReportStructUnverified {
  uint8_t type = 0;     // 0x81
  uint8_t subtype = 0;  // 0
  uint8_t version = 0;  // 0: TD 1.0, 1: TD 1.5
  std::array<uint8_t, 16> cpu_svn{};
  IntelMeasurement tee_tcb_info_hash{};  // SHA-384 of TEE_TCB_INFO
  IntelMeasurement td_info_hash{};       // SHA-384 of TDINFO
  // Both parts as a report body. Version 1 has the fields of TD 1.5.
  TdReport report;
};

// Reads a TDREPORT_STRUCT of exactly 1024 bytes and checks that it agrees with
// itself: type 0x81, subtype 0, version 0 or 1, and both hashes.
// INVALID_ARGUMENT otherwise, naming both values. Does not check the MAC.
absl::StatusOr<TdReportStructUnverified> ParseTdReportStructUnverified(
    std::span<const uint8_t> bytes);

// OK if `report`, of a TDREPORT_STRUCT, and `quoted`, of a verified quote, are
// of one and the same TD: MRTD, MRSEAM, attributes, XFAM, RTMRs, owner,
// configuration and report data are equal. UNAUTHENTICATED naming the first
// field that is not.
absl::Status CheckSameTd(const TdReport& report, const TdReport& quoted);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TDX_TD_REPORT_STRUCT_H_
