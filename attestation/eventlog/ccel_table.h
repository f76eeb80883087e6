// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_EVENTLOG_CCEL_TABLE_H_
#define CONSTELLATION_ATTESTATION_EVENTLOG_CCEL_TABLE_H_

#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/statusor.h"

namespace constellation::attestation {

// Where a confidential guest's firmware keeps its event log: the ACPI table
// CCEL (ACPI 6.5, 5.2.34). Nobody vouches for it.
struct CcelTableUnverified {
  uint8_t cc_type = 0;       // 1 SEV, 2 TDX
  uint8_t cc_subtype = 0;    // 0
  uint64_t log_size = 0;     // octets of the area, padding included
  uint64_t log_address = 0;  // physical
};

// Reads the table's 56 octets. INVALID_ARGUMENT unless the signature is "CCEL",
// the length in the header is that of the octets, and they sum up to zero
// (ACPI 5.2.6), or `log_size` exceeds 16 MiB. Pure; thread-safe.
absl::StatusOr<CcelTableUnverified> ParseCcelTableUnverified(
    std::span<const uint8_t> bytes);

// The measurement register of a TDX guest that events of PCR `pcr` go to
// (Intel, "TDX Virtual Firmware Design Guide"): 0 is MRTD, 1 to 4 are
// RTMR0 to RTMR3, as in the records of a CCEL log. Nothing for PCRs without one
// (16 and above).
std::optional<uint32_t> CcRegisterOfPcr(uint32_t pcr);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_EVENTLOG_CCEL_TABLE_H_
