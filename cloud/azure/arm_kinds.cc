// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/arm_kinds.h"

namespace constellation::cloud::azure {
namespace {

const Watched kTags{"/tags"};

// In the order in which they are made; what the engine makes follows from
// `depends_on`, this order is only that of lists for people. Addresses cannot
// change their SKU, zones or allocation, and a network's own address space is
// what nodes were attested in: those mean a new thing.
std::vector<ArmKind> NetworkKinds() {
  return {
      {.kind = kSecurityGroup,
       .type = "Microsoft.Network/networkSecurityGroups",
       .api_version = kNetworkApi,
       .watched = {kTags, {"/properties/securityRules"}}},
      {.kind = kPublicIp,
       .type = "Microsoft.Network/publicIPAddresses",
       .api_version = kNetworkApi,
       .watched = {kTags,
                   {"/sku/name", true},
                   {"/zones", true},
                   {"/properties/publicIPAllocationMethod", true},
                   {"/properties/dnsSettings/domainNameLabel"}}},
      {.kind = kNatGateway,
       .type = "Microsoft.Network/natGateways",
       .api_version = kNetworkApi,
       .watched = {kTags,
                   {"/properties/publicIpAddresses"},
                   {"/properties/idleTimeoutInMinutes"}}},
      {.kind = kVirtualNetwork,
       .type = "Microsoft.Network/virtualNetworks",
       .api_version = kNetworkApi,
       .watched = {kTags,
                   {"/properties/addressSpace/addressPrefixes", true},
                   {"/properties/subnets"}}},
      {.kind = kLoadBalancer,
       .type = kLoadBalancerType,
       .api_version = kNetworkApi,
       .watched = {kTags,
                   {"/sku/name", true},
                   // Between public and internal there is no way but a new one.
                   {"/properties/frontendIPConfigurations", true},
                   {"/properties/backendAddressPools"},
                   {"/properties/probes"},
                   {"/properties/loadBalancingRules"}}},
  };
}

// A scale set's model is for VMs made later; what defines those that run makes
// a new one. Instances keep their image until they are replaced.
ArmKind ScaleSet() {
  return {
      .kind = kScaleSet,
      .type = kScaleSetType,
      .api_version = kComputeApi,
      .delete_query = "&forceDeletion=true",
      .watched =
          {kTags,
           {"/sku/name"},
           {"/sku/capacity"},
           {"/zones", true},
           {"/identity/userAssignedIdentities"},
           {"/properties/virtualMachineProfile/securityProfile", true},
           {"/properties/virtualMachineProfile/storageProfile/imageReference"},
           {"/properties/virtualMachineProfile/storageProfile/osDisk", true},
           {"/properties/virtualMachineProfile/storageProfile/dataDisks",
            true}},
      .patches = true,
      .ready_timeout = absl::Minutes(40),  // when all VMs run
      .gone_timeout = absl::Minutes(30)};
}

}  // namespace

// Disks are in no plan: the disk driver of Kubernetes makes them. They are here
// so that `terminate` finds those with the cluster's tag.
std::span<const ArmKind> ClusterKinds() {
  static const std::vector<ArmKind> kinds = [] {
    std::vector<ArmKind> all = NetworkKinds();
    all.push_back({.kind = kDisk,
                   .type = "Microsoft.Compute/disks",
                   .api_version = kDiskApi,
                   .watched = {kTags}});
    all.push_back(ScaleSet());
    return all;
  }();
  return kinds;
}

// Role definitions are listed with Azure's several hundred own ones unless the
// query says otherwise; the filter is "type eq 'CustomRole'". A group is
// deleted with its scale sets' VMs at once: by then there are none (ArmDriver
// looks).
std::span<const ArmKind> IamKinds() {
  static const std::vector<ArmKind> kinds = {
      {.kind = kResourceGroup,
       .type = "resourceGroups",
       .api_version = kResourceApi,
       .delete_query =
           "&forceDeletionTypes=Microsoft.Compute/virtualMachineScaleSets",
       .watched = {kTags, {"/location", true}}},
      {.kind = kIdentity,
       .type = "Microsoft.ManagedIdentity/userAssignedIdentities",
       .api_version = kIdentityApi,
       .watched = {kTags, {"/location", true}}},
      {.kind = kRoleDefinition,
       .type = "Microsoft.Authorization/roleDefinitions",
       .api_version = kAuthorizationApi,
       .list_query = "&$filter=type%20eq%20%27CustomRole%27",
       .watched = {{"/properties/permissions"},
                   {"/properties/assignableScopes"}},
       .mark = MarkPlace::kDescription},
      {.kind = kRoleAssignment,
       .type = "Microsoft.Authorization/roleAssignments",
       .api_version = kAuthorizationApi,
       .watched = {{"/properties/roleDefinitionId", true},
                   {"/properties/principalId", true}},
       .mark = MarkPlace::kDescription},
  };
  return kinds;
}

}  // namespace constellation::cloud::azure
