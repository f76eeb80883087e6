// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_CLUSTER_PCR_H_
#define CONSTELLATION_ATTESTATION_TPM_CLUSTER_PCR_H_

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/hash.h"

namespace constellation::attestation {

class Tpm;

// What PCR15 holds once the node belongs to the cluster with this ID:
// SHA-256(32 zero bytes || SHA-256(cluster_id)). Pure.
crypto::Sha256Digest ExpectedClusterPcr(std::span<const uint8_t> cluster_id);

// Extends PCR15 with SHA-256(cluster_id): from now until the next reset this
// machine can get no ticket. Does nothing if PCR15 already says this cluster.
// INVALID_ARGUMENT unless the ID is 32 bytes long, FAILED_PRECONDITION if PCR15
// says anything else; errors of the TPM as they come. In target
// constellation::attestation_tpm_device.
absl::Status MarkClusterMember(Tpm& tpm, std::span<const uint8_t> cluster_id);

// Whether PCR15 is not zero. In target constellation::attestation_tpm_device.
absl::StatusOr<bool> IsClusterMember(Tpm& tpm);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TPM_CLUSTER_PCR_H_
