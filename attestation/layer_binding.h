// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_LAYER_BINDING_H_
#define CONSTELLATION_ATTESTATION_LAYER_BINDING_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attestation/evidence.h"

namespace constellation::attestation {

// Length of the data that a SEV-SNP report (AMD 56860, REPORT_DATA) and a TDX
// report (REPORTDATA) carry for the guest.
inline constexpr size_t kReportDataSize = 64;

// What a guest puts into its hardware report.
using ReportData = std::array<uint8_t, kReportDataSize>;

// The report data of a hardware report that stands beside a vTPM quote, where
// the guest chooses it (docs/formats/evidence-binding.md): SHA-512 over the
// fields "tag", Name of the attestation key, quoted registers as a bit map of
// 4 octets (big-endian), SHA-256 of their values in ascending order (the
// quote's pcrDigest), user data; each behind its length as a 32-bit big-endian
// integer. The tag is "constellation/v1/hardware-report".
//
// So the hardware vouches for the key that signs the quote, for the registers
// it signs, and for the channel. `pcrs` are those of the quote, in any order;
// a machine without vTPM has an empty Name and no registers.
//
// INVALID_ARGUMENT if `user_data` is not kUserDataSize octets, a register is
// above 31 or occurs twice, or only one of Name and registers is there. Pure,
// thread-safe; makers and verifiers of evidence both call it.
absl::StatusOr<ReportData> HardwareReportData(
    std::span<const uint8_t> ak_name, std::span<const PcrValue> pcrs,
    std::span<const uint8_t> user_data);

// OK if `report_data`, from a hardware report whose signature was verified, is
// HardwareReportData() of the rest. UNAUTHENTICATED, naming both values in hex,
// if it is not; INVALID_ARGUMENT as above. Does not check the report or the
// quote: pass what their verifiers returned.
absl::Status CheckHardwareReportData(std::span<const uint8_t> report_data,
                                     std::span<const uint8_t> ak_name,
                                     std::span<const PcrValue> pcrs,
                                     std::span<const uint8_t> user_data);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_LAYER_BINDING_H_
