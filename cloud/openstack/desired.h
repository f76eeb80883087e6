// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_OPENSTACK_DESIRED_H_
#define CONSTELLATION_CLOUD_OPENSTACK_DESIRED_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cloud/provider.h"

namespace constellation::cloud::openstack {

// Of the volume that a node boots from, unless the image needs more. GiB.
inline constexpr int kBootVolumeGb = 5;

// A port of the cluster's endpoint.
struct EndpointPort {
  std::string_view name;
  uint16_t port;
  bool nodes_only;  // not reachable from ClusterRequest::allowed_sources
  bool debug_only;
};

// Kubernetes, bootstrapper, recovery, verification, join, debug.
// Constant.
std::span<const EndpointPort> EndpointPorts();

// The fixed address of the endpoint on the nodes' network: the load balancer's,
// or the first control-plane node's where there is no balancer. The tenth of
// `node_cidr`, which must be valid.
std::string EndpointAddress(std::string_view node_cidr);

// Every resource of the cluster. With `octavia` the endpoint is a load
// balancer, else the first control-plane node. Pure. INVALID_ARGUMENT lists
// every wrong field.
absl::StatusOr<std::vector<Resource>> DesiredResources(
    const ClusterRequest& request, bool octavia);

}  // namespace constellation::cloud::openstack

#endif  // CONSTELLATION_CLOUD_OPENSTACK_DESIRED_H_
