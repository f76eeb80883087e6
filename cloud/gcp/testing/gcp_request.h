// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_TESTING_GCP_REQUEST_H_
#define CONSTELLATION_CLOUD_GCP_TESTING_GCP_REQUEST_H_

#include <string>

#include "cloud/provider.h"

namespace constellation::cloud::gcp::testing {

// A right request: one control-plane node and one worker, SEV-SNP.
inline ClusterRequest SmallRequest() {
  NodeGroupRequest node{.name = "control_plane_default",
                        .role = NodeRole::kControlPlane,
                        .instance_type = "n2d-standard-4",
                        .state_disk_type = "pd-ssd"};
  ClusterRequest request{
      .identity = {.uid = "0a1b2c3d",
                   .name = "demo",
                   .cloud = "gcp",
                   .scope = "project demo-project"},
      .attestation_variant = "gcp-sev-snp",
      .image = "projects/images/global/images/node-1",
      .groups = {node},
      .allowed_sources = {"203.0.113.7/32"},
      .init_secret_sha256 = std::string(64, 'a'),
      .settings = GcpSettings{
          .project = "demo-project",
          .region = "europe-west3",
          .zone = "europe-west3-b",
          .iam_service_account_vm = "vm@demo-project.iam.gserviceaccount.com"}};
  node.name = "worker_default";
  node.role = NodeRole::kWorker;
  request.groups.push_back(node);
  return request;
}

}  // namespace constellation::cloud::gcp::testing

#endif  // CONSTELLATION_CLOUD_GCP_TESTING_GCP_REQUEST_H_
