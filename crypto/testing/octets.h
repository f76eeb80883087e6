// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_TESTING_OCTETS_H_
#define CONSTELLATION_CRYPTO_TESTING_OCTETS_H_

#include <span>
#include <string>
#include <string_view>

#include "common/hex.h"
#include "common/secret_bytes.h"

namespace constellation::crypto::testing {

// Octets of a hex constant. Dies on a typing error.
inline Bytes Hex(std::string_view text) {
  return HexDecode(text).value();
}

inline SecretBytes Secret(std::span<const uint8_t> octets) {
  return SecretBytes(octets);
}
inline SecretBytes Secret(std::string_view text) {
  return SecretBytes(AsBytes(text));
}

// `count` octets: first, first + 1, ...
inline Bytes Counting(uint8_t first, size_t count) {
  Bytes octets(count);
  for (size_t i = 0; i < count; ++i) {
    octets[i] = static_cast<uint8_t>(first + i);
  }
  return octets;
}

// A copy of `octets` with one bit of octet `position` inverted.
inline Bytes WithBitFlipped(std::span<const uint8_t> octets, size_t position) {
  Bytes copy(octets.begin(), octets.end());
  copy.at(position) ^= 1U;
  return copy;
}

}  // namespace constellation::crypto::testing

#endif  // CONSTELLATION_CRYPTO_TESTING_OCTETS_H_
