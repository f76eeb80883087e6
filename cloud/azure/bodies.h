// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_BODIES_H_
#define CONSTELLATION_CLOUD_AZURE_BODIES_H_

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/azure/arm_names.h"
#include "cloud/provider.h"

namespace constellation::cloud::azure {

// A port of the control plane that the load balancer offers.
struct ClusterPort {
  std::string_view name;
  int port;
  bool https = false;  // probed with GET /readyz instead of a connection
};

// Kubernetes, bootstrapper, recovery, join and verification.
const std::vector<ClusterPort>& ClusterPorts();

// Names of a cluster's things, "<name>-<uid>" and what follows from it.
// The methods without parameters return ARM ids; so does ScaleSet().
struct ClusterNames {
  ArmScope scope = {};
  std::string base = {};

  std::string SecurityGroup() const;
  std::string BalancerIp() const;
  std::string NatIp() const;
  std::string NatGateway() const;
  std::string Network() const;
  std::string Subnet() const;
  std::string Balancer() const;
  std::string Frontend() const;
  std::string BackendPool() const;
  std::string ScaleSet(std::string_view group) const;
};
// `request.settings` must be AzureSettings.
ClusterNames NamesOf(const ClusterRequest& request);

// "worker_default" -> "worker-default".
std::string GroupLabel(std::string_view group);

// Tags of Azure: at most 50, in every body.
using Tags = std::map<std::string, std::string>;

// Bodies of the requests that make a cluster, one function a kind. Pure; the
// request has been checked (CheckRequest()).
// Inbound TCP to ClusterPorts() from `request.allowed_sources`; port 4000 as
// well with `request.debug`.
nlohmann::json SecurityGroupBody(const ClusterRequest& request,
                                 const Tags& tags);
// Standard, static, IPv4; with a DNS label for the load balancer.
nlohmann::json PublicIpBody(const ClusterRequest& request, const Tags& tags,
                            bool for_balancer);
// The only way out of the nodes' subnet.
nlohmann::json NatGatewayBody(const ClusterRequest& request, const Tags& tags);
// One subnet, as large as the network.
nlohmann::json NetworkBody(const ClusterRequest& request, const Tags& tags);
// Layer 4: TLS ends in the nodes, never in the load balancer.
nlohmann::json BalancerBody(const ClusterRequest& request, const Tags& tags);
// Without the administrator's password: see CompleteScaleSet().
nlohmann::json ScaleSetBody(const ClusterRequest& request,
                            const NodeGroupRequest& group, const Tags& tags);

// Adds a random password: ARM wants one, nobody ever learns it, and the image
// has neither the account nor an agent that would make it.
void CompleteScaleSet(nlohmann::json& body);

}  // namespace constellation::cloud::azure

#endif  // CONSTELLATION_CLOUD_AZURE_BODIES_H_
