// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_INTEL_REPORT_BODY_H_
#define CONSTELLATION_ATTESTATION_INTEL_REPORT_BODY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/statusor.h"

namespace constellation::attestation {

inline constexpr size_t kEnclaveReportSize = 384;
inline constexpr size_t kTdReport10Size = 584;
inline constexpr size_t kTdReport15Size = 648;

// Registers and digests of Intel's TEEs.
using IntelMeasurement = std::array<uint8_t, 48>;    // SHA-384
using EnclaveMeasurement = std::array<uint8_t, 32>;  // SHA-256
using IntelReportData = std::array<uint8_t, 64>;
// Security version numbers, one octet each.
using IntelSvns = std::array<uint8_t, 16>;

// SGX REPORT body ("Intel SGX ECDSA QuoteLibReference API", sgx_report_body_t).
// Plain values; nothing in it is verified.
struct EnclaveReport {
  static constexpr uint8_t kDebug = 0x02;  // of attributes[0]

  std::array<uint8_t, 16> cpu_svn{};     // microcode and modules, opaque
  std::array<uint8_t, 4> misc_select{};  // as in the report, little-endian
  std::array<uint8_t, 16> attributes{};  // flags 8, XFRM 8
  EnclaveMeasurement mr_enclave{};
  EnclaveMeasurement mr_signer{};
  uint16_t isv_prod_id = 0;
  uint16_t isv_svn = 0;
  IntelReportData report_data{};

  // The host may read the enclave's memory.
  bool debug() const { return (attributes[0] & kDebug) != 0; }
};

// TD report body ("Intel TDX DCAP Quoting Library API", A.3.2). Plain values;
// nothing in it is verified.
struct TdReport {
  // Bits of td_attributes.
  static constexpr uint64_t kDebug = 1U;
  static constexpr uint64_t kSeptVeDisable = uint64_t{1} << 28U;
  static constexpr uint64_t kMigratable = uint64_t{1} << 29U;
  static constexpr uint64_t kProtectionKeys = uint64_t{1} << 30U;
  static constexpr uint64_t kKeyLocker = uint64_t{1} << 31U;
  static constexpr uint64_t kPerfmon = uint64_t{1} << 63U;

  IntelSvns tee_tcb_svn{};  // [0] module SVN, [1] module version, [2] SEAMLDR
  IntelMeasurement mr_seam{};
  IntelMeasurement mr_signer_seam{};
  std::array<uint8_t, 8> seam_attributes{};
  uint64_t td_attributes = 0;
  uint64_t xfam = 0;
  IntelMeasurement mr_td{};
  IntelMeasurement mr_config_id{};
  IntelMeasurement mr_owner{};
  IntelMeasurement mr_owner_config{};
  std::array<IntelMeasurement, 4> rtmr{};
  IntelReportData report_data{};
  // TD 1.5 only: the module that runs now (tee_tcb_svn is the one that
  // launched the TD), and the bound service TDs.
  std::optional<IntelSvns> tee_tcb_svn_2;
  std::optional<IntelMeasurement> mr_service_td;

  // The host may read the TD's memory.
  bool debug() const { return (td_attributes & kDebug) != 0; }
};

// Reads an SGX report body of exactly 384 bytes. INVALID_ARGUMENT otherwise.
// Reserved fields are not looked at.
absl::StatusOr<EnclaveReport> ParseEnclaveReportUnverified(
    std::span<const uint8_t> bytes);

// Reads a TD report body of 584 (TD 1.0) or 648 (TD 1.5) bytes.
// INVALID_ARGUMENT otherwise.
absl::StatusOr<TdReport> ParseTdReportUnverified(
    std::span<const uint8_t> bytes);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_INTEL_REPORT_BODY_H_
