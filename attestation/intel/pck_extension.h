// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_INTEL_PCK_EXTENSION_H_
#define CONSTELLATION_ATTESTATION_INTEL_PCK_EXTENSION_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/statusor.h"
#include "attestation/intel/report_body.h"
#include "crypto/x509.h"

namespace constellation::attestation {

// Memory protection of a platform.
enum class SgxType : uint8_t { kStandard, kScalable, kScalableWithIntegrity };

// The SGX extension of a Provisioning Certification Key's certificate ("Intel
// SGX PCK Certificate and Certificate Revocation List Profile Specification",
// 1.3.5): which platform the key belongs to, and at what TCB.
struct PckExtension {
  std::array<uint8_t, 16> ppid{};
  IntelSvns components{};  // SGX TCB components 1 to 16
  uint16_t pce_svn = 0;
  std::array<uint8_t, 16> cpu_svn{};
  std::array<uint8_t, 2> pce_id{};
  std::array<uint8_t, 6> fmspc{};
  SgxType sgx_type{};
  // Platform CA only.
  std::optional<std::array<uint8_t, 16>> platform_instance_id;
  std::optional<bool> dynamic_platform;
  std::optional<bool> cached_keys;
  std::optional<bool> smt_enabled;
};

// Reads the extension's value: SEQUENCE of {OID, value}, in any order, no OID
// twice, unknown ones skipped; PPID, TCB with all of its 18 fields, PCE-ID,
// FMSPC and SGX type must be there. INVALID_ARGUMENT names the field.
absl::StatusOr<PckExtension> ParsePckExtension(std::span<const uint8_t> value);

// The extension 1.2.840.113741.1.13.1 of `certificate`; INVALID_ARGUMENT if it
// has none, too. Whether the certificate is genuine is not checked.
absl::StatusOr<PckExtension> PckExtensionOf(
    const crypto::Certificate& certificate);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_INTEL_PCK_EXTENSION_H_
