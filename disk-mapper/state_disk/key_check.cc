// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/state_disk/key_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"
#include "disk-mapper/state_disk/disk_keys.h"
#include "disk-mapper/state_disk/layout.h"
#include "disk-mapper/state_disk/tables.h"

namespace constellation::disk_mapper {
namespace {

constexpr std::string_view kMagic = "CSTLKEY1";
constexpr size_t kMacOffset = 16;

// Lengths stand before the texts, so that no two pairs give the same message.
absl::StatusOr<crypto::Sha256Digest> Mac(const SecretBytes& state_disk_key,
                                         std::string_view disk_uuid) {
  ASSIGN_OR_RETURN(const SecretBytes key, DeriveKeyCheckKey(state_disk_key));
  const std::string parameters = DescribeParameters();
  const std::string message =
      fmt::format("{}\n{}:{}\n{}:{}\n", kMagic, disk_uuid.size(), disk_uuid,
                  parameters.size(), parameters);
  return crypto::HmacSha256(key, AsBytes(message));
}

}  // namespace

absl::StatusOr<Bytes> BuildKeyCheckBlock(const SecretBytes& state_disk_key,
                                         std::string_view disk_uuid) {
  ASSIGN_OR_RETURN(const crypto::Sha256Digest mac,
                   Mac(state_disk_key, disk_uuid));
  Bytes block(kBlockSize);
  std::copy(kMagic.begin(), kMagic.end(), block.begin());
  std::copy(mac.begin(), mac.end(), block.begin() + kMacOffset);
  return block;
}

// What is behind the MAC is zero and not looked at: nothing depends on it.
absl::Status VerifyKeyCheckBlock(std::span<const uint8_t> block,
                                 const SecretBytes& state_disk_key,
                                 std::string_view disk_uuid) {
  ASSIGN_OR_RETURN(const crypto::Sha256Digest mac,
                   Mac(state_disk_key, disk_uuid));
  if (block.size() != kBlockSize ||
      AsText(block.first(kMagic.size())) != kMagic) {
    return DataLoss("state disk damaged: its key-check block is gone");
  }
  if (!crypto::EqualsConstantTime(block.subspan(kMacOffset, mac.size()), mac)) {
    return Unauthenticated(
        fmt::format("wrong key for state disk {}", disk_uuid));
  }
  return absl::OkStatus();
}

}  // namespace constellation::disk_mapper
