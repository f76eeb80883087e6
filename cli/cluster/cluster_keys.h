// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CLUSTER_CLUSTER_KEYS_H_
#define CONSTELLATION_CLI_CLUSTER_CLUSTER_KEYS_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "cli/nodes/node_api.h"
#include "cli/workspace/master_secret.h"
#include "cli/workspace/state.h"
#include "common/hex.h"
#include "crypto/key_hierarchy.h"

namespace constellation::cli {

// Octets of the random uid that tags everything of a cluster; 8 hex digits.
inline constexpr size_t kUidBytes = 4;

// Draws what makes a cluster that cluster, once, before anything is created:
// its uid, the init secret and, unless `state` has one, the measurement salt
// (32 octets each). The caller writes the state file.
void DrawClusterValues(State& state);

// What the owner can derive from the master secret: the cluster's ID, so that
// no node needs to be asked for it, and disk keys for recovery.
class ClusterKeys final {
 public:
  // `measurement_salt_hex` as in the state file. INVALID_ARGUMENT if it is not
  // 32 octets.
  static absl::StatusOr<ClusterKeys> Create(
      const MasterSecret& secret, std::string_view measurement_salt_hex);

  // 32 octets each; public.
  const Bytes& cluster_id() const { return cluster_id_; }
  const Bytes& measurement_salt() const { return measurement_salt_; }
  // The key of the state disk with this UUID, with what proves that it comes
  // from the owner. The node's name is left empty.
  absl::StatusOr<RecoveryKeys> ForDisk(std::string_view disk_uuid);

 private:
  ClusterKeys(crypto::KeyHierarchy hierarchy, Bytes salt, Bytes cluster_id)
      : hierarchy_(std::move(hierarchy)),
        measurement_salt_(std::move(salt)),
        cluster_id_(std::move(cluster_id)) {}

  crypto::KeyHierarchy hierarchy_;
  Bytes measurement_salt_;
  Bytes cluster_id_;
};

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CLUSTER_CLUSTER_KEYS_H_
