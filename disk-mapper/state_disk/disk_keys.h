// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_STATE_DISK_DISK_KEYS_H_
#define CONSTELLATION_DISK_MAPPER_STATE_DISK_DISK_KEYS_H_

#include <cstddef>

#include "absl/status/statusor.h"
#include "common/secret_bytes.h"

namespace constellation::disk_mapper {

// What a ticket or the owner hands over.
inline constexpr size_t kStateDiskKeySize = 32;

// One key per use, all by HKDF-SHA256 from the state disk key.
struct DiskKeys {
  SecretBytes encryption;   // 64 octets: AES-256-XTS
  SecretBytes integrity;    // 32 octets: HMAC-SHA256 of every block
  SecretBytes journal_mac;  // 32 octets: HMAC-SHA256 of journal, superblock
};

// INVALID_ARGUMENT unless the key is 32 octets.
absl::StatusOr<DiskKeys> DeriveDiskKeys(const SecretBytes& state_disk_key);
// The key of the key-check block's MAC, 32 octets. Codes as above.
absl::StatusOr<SecretBytes> DeriveKeyCheckKey(
    const SecretBytes& state_disk_key);

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_STATE_DISK_DISK_KEYS_H_
