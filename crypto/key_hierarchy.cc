// SPDX-License-Identifier: Apache-2.0
#include "crypto/key_hierarchy.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hkdf.h"

namespace constellation::crypto {
namespace {

bool IsLowerHex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool IsVolumeIdCharacter(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
}

}  // namespace

// One spelling only: two spellings of one disk would give it two keys.
bool IsUuid(std::string_view text) {
  if (text.size() != 36) {
    return false;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (hyphen ? text[i] != '-' : !IsLowerHex(text[i])) {
      return false;
    }
  }
  return true;
}

// No "/" (CSI allows it): the ID stands behind a "/" in the derivation's info,
// and two purposes must never meet there.
bool IsVolumeId(std::string_view text) {
  return !text.empty() && text.size() <= 128 &&
         std::ranges::all_of(text, IsVolumeIdCharacter);
}

absl::StatusOr<KeyHierarchy> KeyHierarchy::Create(SecretBytes master_key,
                                                  Bytes master_salt) {
  if (master_key.size() != kMasterKeySize) {
    return InvalidArgument(fmt::format("master key: want {} octets, got {}",
                                       kMasterKeySize, master_key.size()));
  }
  if (master_salt.size() != kMasterSaltSize) {
    return InvalidArgument(fmt::format("master salt: want {} octets, got {}",
                                       kMasterSaltSize, master_salt.size()));
  }
  return KeyHierarchy(std::move(master_key), std::move(master_salt));
}

// The one place that turns a purpose into an info string; docs name them, and
// changing one loses data.
absl::StatusOr<SecretBytes> KeyHierarchy::Derive(Purpose purpose,
                                                 std::string_view id) const {
  std::string_view name;
  switch (purpose) {
    case Purpose::kStateDisk:
      name = "disk";
      break;
    case Purpose::kVolume:
      name = "volume";
      break;
    case Purpose::kMeasurement:
      name = "measurement";
      break;
    case Purpose::kJoinLog:
      name = "join-log";
      break;
  }
  return HkdfSha256(key_, salt_,
                    fmt::format("constellation/v1/{}/{}", name, id),
                    kDerivedKeySize);
}

absl::StatusOr<SecretBytes> KeyHierarchy::StateDiskKey(
    std::string_view disk_uuid) const {
  if (!IsUuid(disk_uuid)) {
    return InvalidArgument("state disk id: want a lower-case UUID");
  }
  return Derive(Purpose::kStateDisk, disk_uuid);
}

absl::StatusOr<SecretBytes> KeyHierarchy::VolumeKey(
    std::string_view volume_id) const {
  if (!IsVolumeId(volume_id)) {
    return InvalidArgument(
        "volume id: want 1 to 128 characters of [A-Za-z0-9._-]");
  }
  return Derive(Purpose::kVolume, volume_id);
}

// HKDF is one-way: a cluster ID that is known gives no secret for it.
absl::StatusOr<Bytes> ClusterIdFrom(const SecretBytes& measurement_secret,
                                    std::span<const uint8_t> measurement_salt) {
  if (measurement_secret.size() != kDerivedKeySize) {
    return InvalidArgument(
        fmt::format("measurement secret: want {} octets, got {}",
                    kDerivedKeySize, measurement_secret.size()));
  }
  if (measurement_salt.size() != kMeasurementSaltSize) {
    return InvalidArgument(
        fmt::format("measurement salt: want {} octets, got {}",
                    kMeasurementSaltSize, measurement_salt.size()));
  }
  ASSIGN_OR_RETURN(const SecretBytes id,
                   HkdfSha256(measurement_secret, measurement_salt,
                              "constellation/v1/cluster-id/", kClusterIdSize));
  return Bytes(id.Expose().begin(), id.Expose().end());
}

absl::StatusOr<SecretBytes> KeyHierarchy::MeasurementSecret() const {
  return Derive(Purpose::kMeasurement, "");
}

// In two steps, so that who knows the measurement secret of one cluster learns
// nothing about its other keys.
absl::StatusOr<Bytes> KeyHierarchy::ClusterId(
    std::span<const uint8_t> measurement_salt) const {
  ASSIGN_OR_RETURN(const SecretBytes secret, MeasurementSecret());
  return ClusterIdFrom(secret, measurement_salt);
}

// The seed is a derived key, so the log can be verified and continued after
// every control-plane node is replaced.
absl::StatusOr<Ed25519Signer> KeyHierarchy::JoinLogSigner() const {
  ASSIGN_OR_RETURN(const SecretBytes seed, Derive(Purpose::kJoinLog, ""));
  return Ed25519Signer::FromSeed(seed);
}

}  // namespace constellation::crypto
