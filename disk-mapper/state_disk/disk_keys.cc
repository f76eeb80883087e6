// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/state_disk/disk_keys.h"

#include <fmt/format.h>

#include <string_view>

#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hkdf.h"

namespace constellation::disk_mapper {
namespace {

// RFC 5869 with the use as its info: a key that one use leaks says nothing
// about the others.
absl::StatusOr<SecretBytes> Derive(const SecretBytes& state_disk_key,
                                   std::string_view use, size_t size) {
  if (state_disk_key.size() != kStateDiskKeySize) {
    return InvalidArgument(fmt::format("state disk key: want {} bytes, got {}",
                                       kStateDiskKeySize,
                                       state_disk_key.size()));
  }
  return crypto::HkdfSha256(state_disk_key, {},
                            fmt::format("constellation/v1/state-disk/{}", use),
                            size);
}

}  // namespace

absl::StatusOr<DiskKeys> DeriveDiskKeys(const SecretBytes& state_disk_key) {
  DiskKeys keys;
  ASSIGN_OR_RETURN(keys.encryption, Derive(state_disk_key, "encryption", 64));
  ASSIGN_OR_RETURN(keys.integrity, Derive(state_disk_key, "integrity", 32));
  ASSIGN_OR_RETURN(keys.journal_mac, Derive(state_disk_key, "journal", 32));
  return keys;
}

absl::StatusOr<SecretBytes> DeriveKeyCheckKey(
    const SecretBytes& state_disk_key) {
  return Derive(state_disk_key, "key-check", 32);
}

}  // namespace constellation::disk_mapper
