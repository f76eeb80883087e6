// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_ATTESTER_H_
#define CONSTELLATION_ATTESTATION_ATTESTER_H_

#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "attestation/evidence.h"

namespace constellation::attestation {

// Makes evidence about the machine that this program runs on. Implementations
// are thread-safe.
class Attester {
 public:
  virtual ~Attester() = default;

  // Fresh evidence that covers `user_data`, which must be kUserDataSize bytes
  // (INVALID_ARGUMENT otherwise). UNAVAILABLE if the TPM is busy or gone:
  // trying again may help.
  virtual absl::StatusOr<Evidence> Attest(
      std::span<const uint8_t> user_data) = 0;
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_ATTESTER_H_
