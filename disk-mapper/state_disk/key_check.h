// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_STATE_DISK_KEY_CHECK_H_
#define CONSTELLATION_DISK_MAPPER_STATE_DISK_KEY_CHECK_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/hex.h"
#include "common/secret_bytes.h"

namespace constellation::disk_mapper {

// The key-check block: magic, version and an HMAC, under a key derived from the
// state disk key, over the disk's id and all constant parameters. It is
// compared, never read for a value (docs/adr/0008).

// The block, kBlockSize octets. INVALID_ARGUMENT for a wrong key size.
absl::StatusOr<Bytes> BuildKeyCheckBlock(const SecretBytes& state_disk_key,
                                         std::string_view disk_uuid);

// UNAUTHENTICATED if the key is not the one of this disk (or the block's HMAC
// was altered, which looks the same), DATA_LOSS if `block` is not such a block
// at all, INVALID_ARGUMENT for a wrong key size.
absl::Status VerifyKeyCheckBlock(std::span<const uint8_t> block,
                                 const SecretBytes& state_disk_key,
                                 std::string_view disk_uuid);

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_STATE_DISK_KEY_CHECK_H_
