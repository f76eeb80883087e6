// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_IMAGE_MEASURE_BYTES_H_
#define CONSTELLATION_IMAGE_MEASURE_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace constellation::image::measure {

// Little-endian numbers at `offset`. The caller has checked that they lie
// within `bytes`.
constexpr uint16_t ReadLe16(std::span<const uint8_t> bytes, size_t offset) {
  return static_cast<uint16_t>(bytes[offset] | (bytes[offset + 1] << 8U));
}

constexpr uint32_t ReadLe32(std::span<const uint8_t> bytes, size_t offset) {
  return static_cast<uint32_t>(ReadLe16(bytes, offset)) |
         (static_cast<uint32_t>(ReadLe16(bytes, offset + 2)) << 16U);
}

constexpr uint64_t ReadLe64(std::span<const uint8_t> bytes, size_t offset) {
  return static_cast<uint64_t>(ReadLe32(bytes, offset)) |
         (static_cast<uint64_t>(ReadLe32(bytes, offset + 4)) << 32U);
}

// Whether [offset, offset + size) lies within `total`; never overflows.
constexpr bool Within(uint64_t offset, uint64_t size, uint64_t total) {
  return offset <= total && size <= total - offset;
}

}  // namespace constellation::image::measure

#endif  // CONSTELLATION_IMAGE_MEASURE_BYTES_H_
