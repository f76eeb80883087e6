// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TESTING_BYTE_IMAGE_H_
#define CONSTELLATION_ATTESTATION_TESTING_BYTE_IMAGE_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "common/hex.h"

namespace constellation::testing {

// Octets to lay over a finished structure before it is signed: for fields that
// a builder does not name, such as reserved ones.
struct Overlay {
  size_t offset = 0;
  Bytes octets = {};
};

// A structure of fixed size under construction, zero at first. Writing beyond
// its end ends the program. Not thread-safe.
class ByteImage final {
 public:
  explicit ByteImage(size_t size) : bytes_(size) {}
  explicit ByteImage(Bytes bytes) : bytes_(std::move(bytes)) {}

  // Writes `octets` at `offset`.
  ByteImage& Put(size_t offset, std::span<const uint8_t> octets) {
    for (size_t i = 0; i < octets.size(); ++i) {
      bytes_.at(offset + i) = octets[i];
    }
    return *this;
  }

  // Writes a little-endian integer of sizeof(T) octets.
  template <std::unsigned_integral T>
  ByteImage& PutLe(size_t offset, T value) {
    for (size_t i = 0; i < sizeof(T); ++i) {
      bytes_.at(offset + i) =
          static_cast<uint8_t>(static_cast<uint64_t>(value) >> 8U * i);
    }
    return *this;
  }

  // Writes each of `overlays`, in order.
  ByteImage& PutAll(std::span<const Overlay> overlays) {
    for (const Overlay& overlay : overlays) {
      Put(overlay.offset, overlay.octets);
    }
    return *this;
  }

  const Bytes& bytes() const { return bytes_; }
  Bytes Take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

// Octets of a little-endian integer.
template <std::unsigned_integral T>
Bytes LittleEndian(T value) {
  return ByteImage(sizeof(T)).PutLe(0, value).Take();
}

}  // namespace constellation::testing

#endif  // CONSTELLATION_ATTESTATION_TESTING_BYTE_IMAGE_H_
