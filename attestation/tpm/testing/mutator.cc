// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/testing/mutator.h"

#include <algorithm>

namespace constellation::testing {

void Mutator::ChangeOnce(Bytes& octets) {
  if (octets.empty()) {
    octets.push_back(static_cast<uint8_t>(random_()));
    return;
  }
  const size_t at = Below(octets.size());
  const auto position = octets.begin() + static_cast<ptrdiff_t>(at);
  switch (Below(8)) {
    case 0:
      octets[at] = static_cast<uint8_t>(random_());
      break;
    case 1:
      octets.insert(position, static_cast<uint8_t>(random_()));
      break;
    case 2:
      octets.erase(position);
      break;
    case 3: {  // octets of another place
      const size_t from = Below(octets.size());
      const size_t size =
          std::min({size_t{16}, octets.size() - at, octets.size() - from});
      const Bytes copy(octets.begin() + static_cast<ptrdiff_t>(from),
                       octets.begin() + static_cast<ptrdiff_t>(from + size));
      std::ranges::copy(copy, position);
      break;
    }
    case 4:
      if (Below(4) == 0) {
        octets.resize(at);
        break;
      }
      [[fallthrough]];
    default:
      octets[at] ^= static_cast<uint8_t>(1U << Below(8));
  }
}

Bytes Mutator::Mutate(const Bytes& genuine) {
  Bytes octets = genuine;
  for (size_t changes = 1 + Below(3); changes > 0; --changes) {
    ChangeOnce(octets);
  }
  while (octets == genuine) {
    ChangeOnce(octets);
  }
  return octets;
}

}  // namespace constellation::testing
