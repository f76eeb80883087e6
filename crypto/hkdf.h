// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_HKDF_H_
#define CONSTELLATION_CRYPTO_HKDF_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/secret_bytes.h"

namespace constellation::crypto {

// HKDF-SHA256 (RFC 5869): extract with `salt`, expand with `info` to `length`
// octets. INVALID_ARGUMENT for an empty key or a length outside 1..8160.
// Thread-safe.
absl::StatusOr<SecretBytes> HkdfSha256(const SecretBytes& key,
                                       std::span<const uint8_t> salt,
                                       std::string_view info, size_t length);

}  // namespace constellation::crypto

#endif  // CONSTELLATION_CRYPTO_HKDF_H_
