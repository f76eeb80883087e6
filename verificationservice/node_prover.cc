// SPDX-License-Identifier: Apache-2.0
#include "verificationservice/node_prover.h"

#include <fmt/format.h>

#include "attestation/channel/verification_binding.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::verificationservice {

// The name is bound into the evidence: one node's answer cannot be shown as
// another's.
absl::StatusOr<attestation::Evidence> NodeProver::Prove(
    std::span<const uint8_t> nonce) {
  if (nonce.size() != attestation::kNonceSize) {
    return InvalidArgument(fmt::format("nonce: want {} octets, got {}",
                                       attestation::kNonceSize, nonce.size()));
  }
  ASSIGN_OR_RETURN(attestation::Attester* const attester, GetAttester());
  return attester->Attest(attestation::VerificationBinding(nonce, node_name_));
}

// The mutex is held while the TPM is opened: it must not be opened twice.
absl::StatusOr<attestation::Attester*> NodeProver::GetAttester() {
  absl::MutexLock lock(&mutex_);
  if (attester_ == nullptr) {
    ASSIGN_OR_RETURN(attester_, factory_());
  }
  return attester_.get();
}

}  // namespace constellation::verificationservice
