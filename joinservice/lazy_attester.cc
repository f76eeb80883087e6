// SPDX-License-Identifier: Apache-2.0
#include "joinservice/lazy_attester.h"

#include "common/status_macros.h"

namespace constellation::joinservice {

absl::StatusOr<attestation::Evidence> LazyAttester::Attest(
    std::span<const uint8_t> user_data) {
  ASSIGN_OR_RETURN(attestation::Attester * attester, Get());
  return attester->Attest(user_data);
}

// The mutex is held while the TPM is opened: two callers must not open it
// twice. The attester itself is thread-safe and used without it.
absl::StatusOr<attestation::Attester*> LazyAttester::Get() {
  absl::MutexLock lock(&mutex_);
  if (attester_ == nullptr) {
    ASSIGN_OR_RETURN(attester_, factory_());
  }
  return attester_.get();
}

}  // namespace constellation::joinservice
