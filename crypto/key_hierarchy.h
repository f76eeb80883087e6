// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_KEY_HIERARCHY_H_
#define CONSTELLATION_CRYPTO_KEY_HIERARCHY_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/hex.h"
#include "common/secret_bytes.h"
#include "crypto/ed25519.h"

namespace constellation::crypto {

inline constexpr size_t kMasterKeySize = 32;
inline constexpr size_t kMasterSaltSize = 32;
inline constexpr size_t kDerivedKeySize = 32;
inline constexpr size_t kMeasurementSaltSize = 32;
inline constexpr size_t kClusterIdSize = 32;

// Whether `text` is a UUID in its one accepted form: lower case, hyphens at
// 8-4-4-4-12.
bool IsUuid(std::string_view text);
// Whether `text` is a volume id: 1 to 128 characters of [A-Za-z0-9._-].
bool IsVolumeId(std::string_view text);

// The cluster ID that belongs to `measurement_secret`
// (KeyHierarchy::MeasurementSecret()). INVALID_ARGUMENT unless both are 32
// octets.
absl::StatusOr<Bytes> ClusterIdFrom(const SecretBytes& measurement_secret,
                                    std::span<const uint8_t> measurement_salt);

// All keys of a cluster, derived from its master secret by
// HKDF-SHA256(master key, master salt, "constellation/v1/<purpose>/<id>").
// A purpose is a method here and never text from outside; an id is checked
// against the syntax of its purpose, so no id can reach another purpose.
// Thread-safe after construction.
class KeyHierarchy final {
 public:
  // INVALID_ARGUMENT unless both are 32 octets.
  static absl::StatusOr<KeyHierarchy> Create(SecretBytes master_key,
                                             Bytes master_salt);

  // The 32-octet key of the state disk `disk_uuid`. INVALID_ARGUMENT unless
  // IsUuid().
  absl::StatusOr<SecretBytes> StateDiskKey(std::string_view disk_uuid) const;
  // The 32-octet key of a persistent volume. INVALID_ARGUMENT unless
  // IsVolumeId().
  absl::StatusOr<SecretBytes> VolumeKey(std::string_view volume_id) const;
  // What PCR15 of every member is extended with: 32 octets, not secret, but
  // unguessable without the master secret. INVALID_ARGUMENT unless the salt is
  // 32 octets.
  absl::StatusOr<Bytes> ClusterId(
      std::span<const uint8_t> measurement_salt) const;
  // What ClusterId() is made of, 32 octets. Secret: whoever knows it proves
  // that it speaks for this cluster, of which ClusterId() alone, which
  // everybody may know, is no proof.
  absl::StatusOr<SecretBytes> MeasurementSecret() const;
  // Signs entries of the join log; its key never leaves the object.
  absl::StatusOr<Ed25519Signer> JoinLogSigner() const;

 private:
  enum class Purpose { kStateDisk, kVolume, kMeasurement, kJoinLog };

  KeyHierarchy(SecretBytes key, Bytes salt)
      : key_(std::move(key)), salt_(std::move(salt)) {}
  absl::StatusOr<SecretBytes> Derive(Purpose purpose,
                                     std::string_view id) const;

  SecretBytes key_;
  Bytes salt_;
};

}  // namespace constellation::crypto

#endif  // CONSTELLATION_CRYPTO_KEY_HIERARCHY_H_
