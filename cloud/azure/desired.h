// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_DESIRED_H_
#define CONSTELLATION_CLOUD_AZURE_DESIRED_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cloud/engine/resource.h"
#include "cloud/provider.h"

namespace constellation::cloud::azure {

// Names in the plan.
inline constexpr std::string_view kBalancerIpName = "balancer-ip";
inline constexpr std::string_view kBalancerName = "balancer";
// "group-" + GroupLabel().
std::string GroupResourceName(std::string_view group);

// Everything that can be wrong with a request without asking Azure.
// INVALID_ARGUMENT lists every finding, by the names of the config.
// Not checked: whether anything named exists (CheckRequestOnline()), and the
// custom endpoint, which is the config's.
absl::Status CheckRequest(const ClusterRequest& request);

// The resources of a cluster: security group, addresses, NAT gateway, network,
// load balancer, a scale set for each node group. Pure. INVALID_ARGUMENT as
// CheckRequest().
absl::StatusOr<std::vector<Resource>> DesiredCluster(
    const ClusterRequest& request);

// What the finished plan offers. NOT_FOUND if the load balancer's address is
// not among `outputs`.
absl::StatusOr<ClusterInfrastructure> InfrastructureOf(
    const ClusterRequest& request,
    const std::map<std::string, Observed>& outputs);

}  // namespace constellation::cloud::azure

#endif  // CONSTELLATION_CLOUD_AZURE_DESIRED_H_
