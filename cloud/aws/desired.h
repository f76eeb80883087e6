// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_DESIRED_H_
#define CONSTELLATION_CLOUD_AWS_DESIRED_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cloud/engine/resource.h"
#include "cloud/engine/resource_driver.h"
#include "cloud/provider.h"

namespace constellation::cloud::aws {

// Names in the plan that others ask for.
inline constexpr std::string_view kBalancerName = "load-balancer";
inline constexpr std::string_view kControlPlaneProfile =
    "instance-profile-control-plane";
inline constexpr std::string_view kWorkerProfile = "instance-profile-worker";

// Everything that a cluster needs in AWS: one VPC; per zone a private and a
// public subnet and a NAT gateway; two security groups; a network load balancer
// with a listener and a target group per port; per node group a launch template
// and an Auto Scaling group. `desired` has the names of AWS's parameters and
// refers to other resources as "${name}" (driver_support.h). Pure.
//
// INVALID_ARGUMENT lists every wrong field by its name in the config.
absl::StatusOr<std::vector<Resource>> ClusterResources(
    const ClusterRequest& request);

// Roles and instance profiles of the two kinds of nodes. No options exist.
absl::StatusOr<std::vector<Resource>> IamResources(
    const ClusterIdentity& identity, std::string_view region,
    const std::map<std::string, std::string>& options);

// "<name>-<uid>", in front of every name of ours.
std::string BaseName(const ClusterIdentity& identity);

// Of the plan, for a group of the config: "worker_default" -> "worker-default".
std::string GroupSlug(std::string_view group);

// The zones of the groups, sorted, each once; `zone` for groups without.
std::vector<std::string> ZonesOf(const ClusterRequest& request);

}  // namespace constellation::cloud::aws

#endif  // CONSTELLATION_CLOUD_AWS_DESIRED_H_
