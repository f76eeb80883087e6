// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_DESIRED_H_
#define CONSTELLATION_CLOUD_GCP_DESIRED_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cloud/provider.h"

namespace constellation::cloud::gcp {

// Keys of instance metadata in which nodes find themselves. The metadata server
// shows no labels, so everything a node needs is here.
inline constexpr std::string_view kUidKey = "constellation-uid";
inline constexpr std::string_view kRoleKey = "constellation-role";
inline constexpr std::string_view kGroupKey = "constellation-node-group";
inline constexpr std::string_view kInitSecretKey =
    "constellation-init-secret-hash";
inline constexpr std::string_view kEndpointKey = "constellation-endpoint";

// Pods' addresses: a /24 of it for each node.
inline constexpr std::string_view kPodCidr = "10.10.0.0/16";
// Proxies of an internal load balancer, and its own address.
inline constexpr std::string_view kProxyCidr = "192.168.179.0/24";
inline constexpr std::string_view kBalancerCidr = "192.168.180.0/24";
// Google's health checks and its global TCP proxies come from here ("Firewall
// rules for load balancers").
inline constexpr std::string_view kGoogleProxies[] = {"130.211.0.0/22",
                                                      "35.191.0.0/16"};

// A port of the control plane that is reached from outside.
struct ServicePort {
  std::string_view name;
  int port = 0;
};
// The ports of every cluster, and with `debug` that of the debug daemon.
std::vector<ServicePort> ServicePorts(bool debug);

// What an attestation variant asks of a machine.
struct Confidentiality {
  std::string_view variant;        // "gcp-sev-snp"
  std::string_view type;           // ConfidentialInstanceConfig, "SEV_SNP"
  std::string_view min_platform;   // minCpuPlatform; empty: any
  std::string_view guest_feature;  // that the image must have
  // Machine families; a whole word if it ends in nothing, a prefix with '-'.
  std::vector<std::string_view> machines;
};
// Null for a variant that is not Google's.
const Confidentiality* ConfidentialityOf(std::string_view variant);
// Whether machines of `type` ("n2d-standard-4") can do it, by the table alone.
bool SupportsMachine(const Confidentiality& wanted, std::string_view type);

// Every resource of a cluster (see docs/clouds/gcp.md). Pure. INVALID_ARGUMENT
// lists every wrong field by its name in the config, one per line.
absl::StatusOr<std::vector<Resource>> DesiredResources(
    const ClusterRequest& request);

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_DESIRED_H_
