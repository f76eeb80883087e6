// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_TPM_CLUSTER_MARK_H_
#define CONSTELLATION_BOOTSTRAPPER_TPM_CLUSTER_MARK_H_

#include "attestation/tpm/cluster_pcr.h"
#include "attestation/tpm/tpm_device.h"
#include "bootstrapper/node_claim.h"

namespace constellation::bootstrapper {

// PCR15 of a TPM. Thread-safe. `tpm` outlives it.
class TpmClusterMark final : public ClusterMark {
 public:
  explicit TpmClusterMark(attestation::Tpm& tpm) : tpm_(tpm) {}

  absl::StatusOr<bool> IsMember() override {
    return attestation::IsClusterMember(tpm_);
  }
  absl::Status Mark(std::span<const uint8_t> cluster_id) override {
    return attestation::MarkClusterMember(tpm_, cluster_id);
  }

 private:
  attestation::Tpm& tpm_;
};

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_TPM_CLUSTER_MARK_H_
