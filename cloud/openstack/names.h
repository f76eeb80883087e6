// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_OPENSTACK_NAMES_H_
#define CONSTELLATION_CLOUD_OPENSTACK_NAMES_H_

#include <string>
#include <string_view>

#include "cloud/engine/resource_driver.h"

namespace constellation::cloud::openstack {

// Kinds of resources, in the order in which they are made.
inline constexpr std::string_view kKindNetwork = "openstack.network";
inline constexpr std::string_view kKindSubnet = "openstack.subnet";
inline constexpr std::string_view kKindRouter = "openstack.router";
inline constexpr std::string_view kKindRouterInterface =
    "openstack.router-interface";
inline constexpr std::string_view kKindSecurityGroup =
    "openstack.security-group";
inline constexpr std::string_view kKindSecurityRules =
    "openstack.security-rules";
inline constexpr std::string_view kKindServerGroup = "openstack.server-group";
inline constexpr std::string_view kKindVolume = "openstack.volume";  // sweep
inline constexpr std::string_view kKindPort = "openstack.port";
inline constexpr std::string_view kKindServer = "openstack.server";
inline constexpr std::string_view kKindLoadBalancer = "openstack.load-balancer";
inline constexpr std::string_view kKindListeners = "openstack.listeners";
inline constexpr std::string_view kKindFloatingIp = "openstack.floating-ip";
inline constexpr std::string_view kKindAssociation =
    "openstack.floating-ip-association";
inline constexpr std::string_view kKindDirectory = "openstack.node-directory";

// Names of resources that occur once.
inline constexpr std::string_view kNetworkName = "network";
inline constexpr std::string_view kSubnetName = "subnet";
inline constexpr std::string_view kRouterName = "router";
inline constexpr std::string_view kRouterInterfaceName = "router-interface";
inline constexpr std::string_view kSecurityGroupName = "security-group";
inline constexpr std::string_view kSecurityRulesName = "security-rules";
inline constexpr std::string_view kServerGroupName = "control-planes";
inline constexpr std::string_view kLoadBalancerName = "load-balancer";
inline constexpr std::string_view kListenersName = "listeners";
inline constexpr std::string_view kAddressName = "endpoint-address";
inline constexpr std::string_view kAssociationName = "endpoint";
inline constexpr std::string_view kDirectoryName = "node-directory";

// Keys of a server's metadata: what its node finds in meta_data.json. Values
// are at most 255 characters (nova's limit).
inline constexpr std::string_view kMetaUid = "constellation-uid";
inline constexpr std::string_view kMetaRole = "constellation-role";
inline constexpr std::string_view kMetaGroup = "constellation-group";
inline constexpr std::string_view kMetaImage = "constellation-image";
inline constexpr std::string_view kMetaFlavor = "constellation-flavor";
inline constexpr std::string_view kMetaSecret =
    "constellation-init-secret-sha256";
inline constexpr std::string_view kMetaEndpoint = "constellation-endpoint";
inline constexpr std::string_view kMetaCidr = "constellation-node-cidr";
inline constexpr std::string_view kMetaAddress = "constellation-node-ip";
// Followed by 0, 1, ...: "name=address,name=address"; the node directory.
inline constexpr std::string_view kMetaPeers = "constellation-control-planes-";
// Followed by 0, 1, ...: pieces of the JSON array "enrolledTPMs" of the policy,
// and how many pieces there are: an older, longer list may have left more.
inline constexpr std::string_view kMetaTpms = "constellation-tpms-";
inline constexpr std::string_view kMetaTpmPieces = "constellation-tpm-pieces";

// "constellation-uid-<uid>": the tag of everything that can be tagged, and the
// description of everything in neutron, where tags cannot be set at creation.
inline std::string UidMarker(const ClusterIdentity& cluster) {
  return "constellation-uid-" + cluster.uid;
}

// "<cluster>-<uid>-<resource>": the name in the cloud.
inline std::string CloudName(const ClusterIdentity& cluster,
                             std::string_view resource) {
  return cluster.name + "-" + cluster.uid + "-" + std::string(resource);
}

// The resource's name out of a name in the cloud; empty if it is not ours.
// The uid with its hyphens is what counts; the cluster's name may have changed.
inline std::string ResourceName(const ClusterIdentity& cluster,
                                std::string_view cloud_name) {
  const std::string infix = "-" + cluster.uid + "-";
  const size_t at = cloud_name.find(infix);
  return at == std::string_view::npos
             ? ""
             : std::string(cloud_name.substr(at + infix.size()));
}

// What the cluster is called towards Kubernetes' OpenStack components
// (--cluster-name of the cloud controller manager, --cluster of the CSI
// driver): their leftovers are found by it.
inline std::string KubernetesClusterName(const ClusterIdentity& cluster) {
  return "constellation-" + cluster.uid;
}

}  // namespace constellation::cloud::openstack

#endif  // CONSTELLATION_CLOUD_OPENSTACK_NAMES_H_
