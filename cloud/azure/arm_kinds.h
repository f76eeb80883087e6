// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_ARM_KINDS_H_
#define CONSTELLATION_CLOUD_AZURE_ARM_KINDS_H_

#include <span>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace constellation::cloud::azure {

// API versions, as in the descriptions that the tests check bodies against.
inline constexpr std::string_view kNetworkApi = "2024-07-01";
inline constexpr std::string_view kComputeApi = "2024-11-01";
inline constexpr std::string_view kDiskApi = "2024-03-02";
inline constexpr std::string_view kGalleryApi = "2023-07-03";
inline constexpr std::string_view kSkuApi = "2021-07-01";
inline constexpr std::string_view kResourceApi = "2022-09-01";
inline constexpr std::string_view kIdentityApi = "2023-01-31";
inline constexpr std::string_view kAuthorizationApi = "2022-04-01";
// The only one in which a scale set's interfaces can be listed.
inline constexpr std::string_view kScaleSetNicApi = "2018-10-01";

// Part of a thing that is compared with the plan.
// Only what `pointer` names counts as a difference: Azure fills in the rest of
// a body with defaults, which must not look like changes.
struct Watched {
  std::string_view pointer;  // RFC 6901, "/properties/securityRules"
  bool replaces = false;     // no call changes it in place
};

// Where a kind's own mark (uid and name in the plan) is.
enum class MarkPlace {
  kTags,
  kDescription,  // "/properties/description": role assignments have no tags
};

// How one kind of things in Azure behaves. Everything else is the same for all.
// A driver keeps a reference to it, so it lives as long as the program.
struct ArmKind {
  std::string_view kind;               // the engine's word, "azure.nat-gateway"
  std::string_view type;               // "Microsoft.Network/natGateways"
  std::string_view api_version;        // of all calls
  std::string_view delete_query = "";  // more of the query of a deletion
  std::string_view list_query = "";    // ... and of a list
  std::vector<Watched> watched = {};
  // Changed with PATCH of what differs; else with PUT of everything.
  bool patches = false;
  MarkPlace mark = MarkPlace::kTags;
  absl::Duration ready_timeout = absl::Minutes(20);
  absl::Duration gone_timeout = absl::Minutes(15);
};

inline constexpr std::string_view kSecurityGroup = "azure.security-group";
inline constexpr std::string_view kPublicIp = "azure.public-ip";
inline constexpr std::string_view kNatGateway = "azure.nat-gateway";
inline constexpr std::string_view kVirtualNetwork = "azure.virtual-network";
inline constexpr std::string_view kLoadBalancer = "azure.load-balancer";
inline constexpr std::string_view kDisk = "azure.disk";
inline constexpr std::string_view kScaleSet = "azure.scale-set";
inline constexpr std::string_view kResourceGroup = "azure.resource-group";
inline constexpr std::string_view kIdentity = "azure.identity";
inline constexpr std::string_view kRoleDefinition = "azure.role-definition";
inline constexpr std::string_view kRoleAssignment = "azure.role-assignment";

inline constexpr std::string_view kScaleSetType =
    "Microsoft.Compute/virtualMachineScaleSets";
inline constexpr std::string_view kLoadBalancerType =
    "Microsoft.Network/loadBalancers";

// What clusters are made of and what Kubernetes leaves behind (disks), in the
// order in which it is made. / What `iam create` makes.
// Both tables are made once, at the first call, and never change: thread-safe,
// and references into them stay valid.
std::span<const ArmKind> ClusterKinds();
std::span<const ArmKind> IamKinds();

}  // namespace constellation::cloud::azure

#endif  // CONSTELLATION_CLOUD_AZURE_ARM_KINDS_H_
