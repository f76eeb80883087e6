// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/cluster_pcr.h"

namespace constellation::attestation {

// TPM2_PCR_Extend of the ID's digest into a register that was zero.
crypto::Sha256Digest ExpectedClusterPcr(std::span<const uint8_t> cluster_id) {
  crypto::Sha256Hasher hasher;
  hasher.Update(crypto::Sha256Digest{});  // PCR15 after a reset
  hasher.Update(crypto::Sha256(cluster_id));
  return hasher.Finish();
}

}  // namespace constellation::attestation
