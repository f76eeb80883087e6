// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_ENROLLED_TPM_H_
#define CONSTELLATION_ATTESTATION_TPM_ENROLLED_TPM_H_

#include <array>
#include <cstdint>

#include "crypto/hash.h"

namespace constellation::attestation {

// A TPM object's Name with SHA-256: algorithm 0x000b, then the digest of its
// public area.
using TpmName = std::array<uint8_t, 34>;

// A TPM that the owner admitted. The AK was shown to live in the TPM that owns
// the certified EK when this was made (docs/adr/0006-enrolled-tpm.md).
struct EnrolledTpm {
  crypto::Sha256Digest ek_certificate_sha256{};  // of the DER certificate
  TpmName ak_name{};                             // Name of the attestation key

  bool operator==(const EnrolledTpm&) const = default;
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TPM_ENROLLED_TPM_H_
