// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_INTEL_TCB_INFO_H_
#define CONSTELLATION_ATTESTATION_INTEL_TCB_INFO_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attestation/intel/collateral_json.h"
#include "attestation/intel/quote.h"
#include "attestation/intel/report_body.h"
#include "attestation/intel/tcb_status.h"

namespace constellation::attestation {

// One level of a platform's TCB.
struct TcbLevel {
  std::array<uint16_t, 16> sgx_svns{};
  uint16_t pce_svn = 0;
  std::array<uint16_t, 16> tdx_svns{};  // TDX only
  absl::Time tcb_date;
  TcbStatus status{};
  std::vector<std::string> advisories;
};

// Who may have made a TDX module.
struct TdxModule {
  IntelMeasurement mr_signer{};
  std::array<uint8_t, 8> attributes{};
  std::array<uint8_t, 8> attributes_mask{};
};

// The modules of one major version, with levels of their own.
struct TdxModuleIdentity {
  std::string id;  // "TDX_01"
  TdxModule module;
  std::vector<IsvSvnLevel> levels;  // highest first
};

// The inner object of a TCB info ("Intel SGX and TDX Provisioning Certification
// Service API", TCB Info). Plain values; nothing is verified.
struct TcbInfo {
  uint32_t version = 0;  // 2 (API v3, SGX only) or 3
  IntelTee tee{};
  absl::Time issue_date;
  absl::Time next_update;
  std::array<uint8_t, 6> fmspc{};
  std::array<uint8_t, 2> pce_id{};
  uint32_t evaluation_data_number = 0;
  std::optional<TdxModule> tdx_module;  // always there for TDX
  std::vector<TdxModuleIdentity> tdx_module_identities;
  std::vector<TcbLevel> levels;  // highest first, as Intel lists them
};

// Reads the inner object of a TCB info of version 2 or 3 and TCB type 0.
// Unknown keys are skipped, since Intel adds some; known ones must be there.
// INVALID_ARGUMENT names the field. No signature, no date is checked.
absl::StatusOr<TcbInfo> ParseTcbInfoUnverified(std::string_view body);
// The same inside of a longer text.
absl::StatusOr<TcbInfo> ReadTcbInfoUnverified(JsonScanner& scanner);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_INTEL_TCB_INFO_H_
