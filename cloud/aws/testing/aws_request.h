// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_TESTING_AWS_REQUEST_H_
#define CONSTELLATION_CLOUD_AWS_TESTING_AWS_REQUEST_H_

#include <string>

#include "cloud/provider.h"

namespace constellation::cloud::aws::testing {

// A right request: three control planes in zone a, two workers in zone b.
inline ClusterRequest TwoZoneRequest() {
  return {.identity = {.uid = "0a1b2c3d", .name = "demo", .cloud = "aws"},
          .attestation_variant = "aws-sev-snp",
          .image = "ami-1",
          .groups = {{.name = "control_plane_default",
                      .role = NodeRole::kControlPlane,
                      .instance_type = "m6a.xlarge",
                      .state_disk_type = "gp3",
                      .count = 3},
                     {.name = "worker_b",
                      .role = NodeRole::kWorker,
                      .zone = "eu-west-1b",
                      .instance_type = "c6a.xlarge",
                      .state_disk_type = "gp3",
                      .count = 2}},
          .allowed_sources = {"203.0.113.7/32"},
          .init_secret_sha256 = std::string(64, 'a'),
          .settings = AwsSettings{.region = "eu-west-1",
                                  .zone = "eu-west-1a",
                                  .iam_profile_control_plane = "cp",
                                  .iam_profile_worker_nodes = "worker"}};
}

}  // namespace constellation::cloud::aws::testing

#endif  // CONSTELLATION_CLOUD_AWS_TESTING_AWS_REQUEST_H_
