// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_BYTE_READER_H_
#define CONSTELLATION_ATTESTATION_BYTE_READER_H_

#include <fmt/format.h>

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {

// Reads integers and octet strings from hostile bytes, front to back. Every
// read is checked against what is left; errors are INVALID_ARGUMENT and name
// the field, the offset, what was wanted and what was left. The bytes must
// outlive the reader and every span that it returns.
template <std::endian kOrder>
class ByteReader final {
 public:
  explicit ByteReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  size_t offset() const { return offset_; }
  size_t remaining() const { return bytes_.size() - offset_; }

  // The next `size` octets.
  absl::StatusOr<std::span<const uint8_t>> Take(size_t size,
                                                std::string_view field) {
    if (size > remaining()) {
      return InvalidArgument(
          fmt::format("{} at offset {}: want {} bytes, got {}", field, offset_,
                      size, remaining()));
    }
    const auto taken = bytes_.subspan(offset_, size);
    offset_ += size;
    return taken;
  }

  // The next integer of sizeof(T) octets.
  template <std::unsigned_integral T>
  absl::StatusOr<T> Read(std::string_view field) {
    ASSIGN_OR_RETURN(const std::span<const uint8_t> octets,
                     Take(sizeof(T), field));
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      const size_t at = kOrder == std::endian::big ? i : sizeof(T) - 1 - i;
      value = value << 8U | octets[at];
    }
    return static_cast<T>(value);
  }

  // Octets behind a length of type T, which must not exceed `max_size`.
  template <std::unsigned_integral T>
  absl::StatusOr<std::span<const uint8_t>> TakeSized(size_t max_size,
                                                     std::string_view field) {
    const size_t start = offset_;
    ASSIGN_OR_RETURN(const T size, Read<T>(field));
    if (size > max_size) {
      return InvalidArgument(
          fmt::format("{} at offset {}: want at most {} bytes, got {}", field,
                      start, max_size, size));
    }
    return Take(size, field);
  }

  // OK if everything was read.
  absl::Status ExpectEnd(std::string_view what) const {
    if (remaining() == 0) {
      return absl::OkStatus();
    }
    return InvalidArgument(
        fmt::format("{}: want the end at offset {}, got {} more bytes", what,
                    offset_, remaining()));
  }

 private:
  std::span<const uint8_t> bytes_;
  size_t offset_ = 0;
};

using BigEndianReader = ByteReader<std::endian::big>;
using LittleEndianReader = ByteReader<std::endian::little>;

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_BYTE_READER_H_
