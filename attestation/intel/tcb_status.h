// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_INTEL_TCB_STATUS_H_
#define CONSTELLATION_ATTESTATION_INTEL_TCB_STATUS_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace constellation::attestation {

// How Intel judges a trusted computing base ("Intel SGX and TDX Provisioning
// Certification Service API", v4, tcbStatus; the last three are results of the
// verification, never stated by Intel's collateral).
enum class TcbStatus : uint8_t {
  kUpToDate,
  kSwHardeningNeeded,
  kConfigurationNeeded,
  kConfigurationAndSwHardeningNeeded,
  kOutOfDate,
  kOutOfDateConfigurationNeeded,
  kRevoked,
  kTdRelaunchAdvised,
  kTdRelaunchAdvisedConfigurationNeeded,
  kNotSupported,  // below every level that the collateral knows
};

// Intel's word, e.g. "SWHardeningNeeded".
std::string_view ToString(TcbStatus status);
// The status called `word`, in Intel's spelling; nothing if there is none.
std::optional<TcbStatus> TcbStatusFromString(std::string_view word);
// Whether collateral may state it.
bool IsStatedByCollateral(TcbStatus status);

// The status of a platform one part of which (TDX module, quoting enclave) has
// status `part`: OutOfDate turns UpToDate and SWHardeningNeeded into OutOfDate,
// and ConfigurationNeeded ones into OutOfDateConfigurationNeeded; Revoked and
// NotSupported win. A part with any other status than these and UpToDate is
// outside Intel's algorithm: NotSupported.
TcbStatus MergeTcbStatus(TcbStatus platform, TcbStatus part);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_INTEL_TCB_STATUS_H_
