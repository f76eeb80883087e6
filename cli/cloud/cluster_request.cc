// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/cluster_request.h"

#include <utility>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"

namespace constellation::cli {

absl::StatusOr<cloud::ClusterRequest> ClusterRequestOf(
    const Config& config, const State& state,
    const cloud::ClusterIdentity& identity) {
  cloud::ClusterRequest request;
  request.identity = identity;
  request.attestation_variant = config.attestation_variant;
  request.image = config.image;
  for (const std::string_view role : {kControlPlaneRole, kWorkerRole}) {
    for (const auto& [name, group] : config.node_groups) {
      // An empty group stays: a grown one must not become another.
      if (group.role == role) {
        request.groups.push_back(
            {.name = name,
             .role = role == kControlPlaneRole ? cloud::NodeRole::kControlPlane
                                               : cloud::NodeRole::kWorker,
             .zone = group.zone,
             .instance_type = group.instance_type,
             .state_disk_type = group.state_disk_type,
             .state_disk_size_gb = group.state_disk_size_gb,
             .count = group.initial_count});
      }
    }
  }
  request.internal_load_balancer = config.internal_load_balancer;
  request.debug = config.debug_cluster;
  request.custom_endpoint = config.custom_endpoint;
  request.allowed_sources = config.allowed_sources;
  ASSIGN_OR_RETURN(const Bytes secret,
                   HexDecode(state.infrastructure.init_secret));
  request.init_secret_sha256 = HexEncode(crypto::Sha256(secret));
  request.enrolled_tpms = config.enrolled_tpms;
  request.tags = config.tags;
  request.settings = config.cloud;
  return request;
}

}  // namespace constellation::cli
