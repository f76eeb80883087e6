// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_TESTING_MUTATOR_H_
#define CONSTELLATION_ATTESTATION_TPM_TESTING_MUTATOR_H_

#include <cstdint>
#include <random>

#include "common/hex.h"

namespace constellation::testing {

// Changes octets at random, the same way with the same seed.
class Mutator final {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  // A number below `bound`, which is not 0.
  size_t Below(size_t bound) { return random_() % bound; }

  // `genuine` with one to three changes, and never equal to it: flipped bits,
  // other octets, octets added, removed or copied from elsewhere, a cut end.
  Bytes Mutate(const Bytes& genuine);

 private:
  void ChangeOnce(Bytes& octets);
  std::mt19937_64 random_;
};

}  // namespace constellation::testing

#endif  // CONSTELLATION_ATTESTATION_TPM_TESTING_MUTATOR_H_
