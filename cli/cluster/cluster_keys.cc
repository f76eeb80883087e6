// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/cluster_keys.h"

#include <fmt/format.h>

#include <utility>

#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/random.h"

namespace constellation::cli {
namespace {

constexpr size_t kSecretBytes = 32;

}  // namespace

void DrawClusterValues(State& state) {
  Infrastructure& infrastructure = state.infrastructure;
  infrastructure.uid = HexEncode(crypto::RandomBytes(kUidBytes));
  infrastructure.init_secret = HexEncode(crypto::RandomBytes(kSecretBytes));
  if (state.cluster_values.measurement_salt.empty()) {
    state.cluster_values.measurement_salt =
        HexEncode(crypto::RandomBytes(kSecretBytes));
  }
}

absl::StatusOr<ClusterKeys> ClusterKeys::Create(
    const MasterSecret& secret, std::string_view measurement_salt_hex) {
  ASSIGN_OR_RETURN(Bytes salt, HexDecode(measurement_salt_hex));
  if (salt.size() != kMasterSecretBytes) {
    return InvalidArgument(
        fmt::format("measurementSalt: want {} octets, got {}",
                    kMasterSecretBytes, salt.size()));
  }
  ASSIGN_OR_RETURN(
      crypto::KeyHierarchy hierarchy,
      crypto::KeyHierarchy::Create(secret.key.Clone(), secret.salt));
  ASSIGN_OR_RETURN(Bytes cluster_id, hierarchy.ClusterId(salt));
  return ClusterKeys(std::move(hierarchy), std::move(salt),
                     std::move(cluster_id));
}

absl::StatusOr<RecoveryKeys> ClusterKeys::ForDisk(std::string_view disk_uuid) {
  RecoveryKeys keys;
  ASSIGN_OR_RETURN(keys.state_disk_key, hierarchy_.StateDiskKey(disk_uuid));
  ASSIGN_OR_RETURN(keys.measurement_secret, hierarchy_.MeasurementSecret());
  keys.measurement_salt = measurement_salt_;
  return keys;
}

}  // namespace constellation::cli
