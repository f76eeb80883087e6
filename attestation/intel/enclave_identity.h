// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_INTEL_ENCLAVE_IDENTITY_H_
#define CONSTELLATION_ATTESTATION_INTEL_ENCLAVE_IDENTITY_H_

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attestation/intel/collateral_json.h"
#include "attestation/intel/report_body.h"

namespace constellation::attestation {

// Which of Intel's enclaves: quoting enclave of SGX, of TDX, or verifying one.
enum class EnclaveKind { kQe, kTdQe, kQve };

// "QE", "TD_QE" or "QVE".
std::string_view ToString(EnclaveKind kind);

// The inner object of an enclave identity ("Intel SGX and TDX Provisioning
// Certification Service API", Enclave Identity, version 2). Plain values;
// nothing is verified.
struct EnclaveIdentity {
  EnclaveKind kind{};
  absl::Time issue_date;
  absl::Time next_update;
  uint32_t evaluation_data_number = 0;
  std::array<uint8_t, 4> misc_select{};  // in the report's order of octets
  std::array<uint8_t, 4> misc_select_mask{};
  std::array<uint8_t, 16> attributes{};
  std::array<uint8_t, 16> attributes_mask{};
  EnclaveMeasurement mr_signer{};
  uint16_t isv_prod_id = 0;
  std::vector<IsvSvnLevel> levels;  // highest first
};

// Reads the inner object of an enclave identity. Unknown keys are skipped,
// known ones must be there. INVALID_ARGUMENT names the field. No signature, no
// date is checked.
absl::StatusOr<EnclaveIdentity> ParseEnclaveIdentityUnverified(
    std::string_view body);
// The same inside of a longer text.
absl::StatusOr<EnclaveIdentity> ReadEnclaveIdentityUnverified(
    JsonScanner& scanner);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_INTEL_ENCLAVE_IDENTITY_H_
