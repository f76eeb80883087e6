// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_LAUNCH_PAGE_IMAGE_H_
#define CONSTELLATION_ATTESTATION_LAUNCH_PAGE_IMAGE_H_

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace constellation::attestation {

// A structure of `kSize` octets as hardware or firmware lays it out: zero at
// first, integers little-endian. Offsets are ours, never hostile: writing
// beyond the end ends the program. Not thread-safe.
template <size_t kSize>
class PageImage final {
 public:
  // Writes `octets` at `offset`.
  void Put(size_t offset, std::span<const uint8_t> octets) {
    for (size_t i = 0; i < octets.size(); ++i) {
      bytes_.at(offset + i) = octets[i];
    }
  }

  // Writes an integer of sizeof(T) octets.
  template <std::unsigned_integral T>
  void PutLe(size_t offset, T value) {
    for (size_t i = 0; i < sizeof(T); ++i) {
      bytes_.at(offset + i) =
          static_cast<uint8_t>(static_cast<uint64_t>(value) >> 8U * i);
    }
  }

  const std::array<uint8_t, kSize>& bytes() const { return bytes_; }

 private:
  std::array<uint8_t, kSize> bytes_{};
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_LAUNCH_PAGE_IMAGE_H_
