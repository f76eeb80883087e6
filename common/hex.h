// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_COMMON_HEX_H_
#define CONSTELLATION_COMMON_HEX_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace constellation {

using Bytes = std::vector<uint8_t>;

// Lower-case hex of `bytes`.
std::string HexEncode(std::span<const uint8_t> bytes);
// Octets of `text`, either case. INVALID_ARGUMENT at odd length or another
// character.
absl::StatusOr<Bytes> HexDecode(std::string_view text);

// Base64, RFC 4648 section 4, with padding. Decoding is strict: no white space,
// canonical padding and zero trailing bits.
std::string Base64Encode(std::span<const uint8_t> bytes);
absl::StatusOr<Bytes> Base64Decode(std::string_view text);

// Views between text and octets.
std::span<const uint8_t> AsBytes(std::string_view text);
std::string_view AsText(std::span<const uint8_t> bytes);

}  // namespace constellation

#endif  // CONSTELLATION_COMMON_HEX_H_
