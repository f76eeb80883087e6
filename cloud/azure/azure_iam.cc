// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/azure_iam.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "cloud/azure/arm_driver.h"
#include "cloud/azure/arm_kinds.h"
#include "cloud/azure/arm_session.h"
#include "cloud/azure/azure_provider.h"
#include "cloud/azure/group_contents.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::azure {
namespace {

using nlohmann::json;

constexpr std::string_view kGroupName = "resource-group";
constexpr std::string_view kIdentityName = "node-identity";
constexpr std::string_view kRoleName = "node-role";
constexpr std::string_view kAssignmentName = "node-role-assignment";

// What things must be linked with, besides being written.
std::vector<std::string> LinkPermissions() {
  return {"Microsoft.Network/networkSecurityGroups/join/action",
          "Microsoft.Network/publicIPAddresses/join/action",
          "Microsoft.Network/natGateways/join/action",
          "Microsoft.Network/virtualNetworks/subnets/join/action",
          "Microsoft.Network/loadBalancers/backendAddressPools/join/action"};
}

// Bodies of roles have no tags: ARM refuses them there.
Resource Make(std::string_view kind, std::string_view name,
              const std::string& id, json body,
              std::vector<std::string> depends_on) {
  Resource resource{.kind = std::string(kind),
                    .name = std::string(name),
                    .depends_on = std::move(depends_on)};
  resource.desired = {{std::string(kDesiredId), id},
                      {std::string(kDesiredBody), std::move(body)}};
  return resource;
}

json Tagged(const ClusterIdentity& identity, const AzureSettings& settings,
            std::string_view name) {
  return {{"location", settings.location},
          {"tags",
           {{std::string(kUidTag), identity.uid},
            {std::string(kResourceTag), std::string(name)}}}};
}

// One segment of an id.
bool IsName(std::string_view text, size_t min, size_t max) {
  return text.size() >= min && text.size() <= max &&
         IsArmId(fmt::format("/{}", text)) &&
         text.find('/') == std::string_view::npos;
}

// The same session as a cluster's, over the table of other kinds.
class AzureIamProvider final : public IamProvider {
 public:
  explicit AzureIamProvider(AzureOptions options)
      : session_(options,
                 {.subscription = options.settings.subscription,
                  .resource_group = options.settings.resource_group},
                 IamKinds()) {}

  absl::StatusOr<std::vector<Resource>> Desired(
      const ClusterIdentity& identity,
      const std::map<std::string, std::string>& options) override {
    return DesiredIam(identity, session_.options().settings, options);
  }

  const DriverRegistry& Drivers() override { return session_.drivers(); }

  absl::Status CheckDestroy(const ClusterIdentity& identity) override;

  absl::StatusOr<std::map<std::string, std::string>> ConfigValues(
      const std::map<std::string, Observed>& outputs) override {
    const auto found = outputs.find(std::string(kIdentityName));
    if (found == outputs.end() || !IsArmId(found->second.id)) {
      return NotFound("the identity is not among what was made");
    }
    const AzureSettings& settings = session_.options().settings;
    return std::map<std::string, std::string>{
        {"provider.azure.subscription", settings.subscription},
        {"provider.azure.location", settings.location},
        {"provider.azure.resourceGroup", settings.resource_group},
        {"provider.azure.userAssignedIdentity", found->second.id}};
  }

  // Nodes get tokens from their machine: there is no key.
  absl::StatusOr<std::map<std::string, std::string>> KeyFiles(
      const std::map<std::string, Observed>& /*outputs*/) override {
    return std::map<std::string, std::string>();
  }

 private:
  ArmSession session_;
};

// A group that is not marked as ours is not deleted: what is in it does not
// matter then, nor if the group is on its way out.
absl::Status AzureIamProvider::CheckDestroy(const ClusterIdentity& identity) {
  ResourceDriver* const groups = session_.drivers().Get(kResourceGroup);
  ASSIGN_OR_RETURN(const std::vector<Stray> ours, groups->List(identity));
  if (ours.empty() || ours.front().observed.state == ResourceState::kDeleting) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(
      const std::vector<json> contents,
      session_.client().List(
          {.path = ResourceGroupId(session_.scope()) + "/resources",
           .api_version = std::string(kResourceApi)}));
  return CheckOnlyIdentities(session_.scope(), identity.uid, contents);
}

}  // namespace

std::vector<std::string> NodePermissions() {
  constexpr std::string_view kScaleSets =
      "Microsoft.Compute/virtualMachineScaleSets";
  std::vector<std::string> all = {
      // Self, peers, endpoint: cloud/azure/azure_metadata.
      fmt::format("{}/read", kScaleSets),
      fmt::format("{}/virtualMachines/read", kScaleSets),
      fmt::format("{}/virtualMachines/instanceView/read", kScaleSets),
      fmt::format("{}/networkInterfaces/read", kScaleSets),
      "Microsoft.Network/loadBalancers/read",
      "Microsoft.Network/publicIPAddresses/read",
      // Services of type LoadBalancer: cloud-provider-azure.
      fmt::format("{}/write", kScaleSets),
      fmt::format("{}/virtualMachines/write", kScaleSets),
      "Microsoft.Network/loadBalancers/write",
      "Microsoft.Network/loadBalancers/delete",
      "Microsoft.Network/publicIPAddresses/write",
      "Microsoft.Network/publicIPAddresses/delete",
      "Microsoft.Network/networkSecurityGroups/read",
      "Microsoft.Network/networkSecurityGroups/write",
      "Microsoft.Network/virtualNetworks/subnets/read",
      "Microsoft.Network/networkInterfaces/read",
      // Persistent volumes: azuredisk-csi-driver.
      "Microsoft.Compute/disks/read", "Microsoft.Compute/disks/write",
      "Microsoft.Compute/disks/delete", "Microsoft.Compute/snapshots/read",
      "Microsoft.Compute/snapshots/write",
      "Microsoft.Compute/snapshots/delete"};
  for (std::string& link : LinkPermissions()) {
    all.push_back(std::move(link));
  }
  return all;
}

std::vector<std::string> OperatorPermissions() {
  std::vector<std::string> all = LinkPermissions();
  for (const ArmKind& kind : ClusterKinds()) {
    for (const char* verb : {"read", "write", "delete"}) {
      all.push_back(fmt::format("{}/{}", kind.type, verb));
    }
  }
  const std::vector<std::string> more = {
      "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
      "Microsoft.ManagedIdentity/userAssignedIdentities/read",
      "Microsoft.Compute/galleries/images/read",
      "Microsoft.Compute/galleries/images/versions/read",
      "Microsoft.Compute/virtualMachineScaleSets/delete/action",
      "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read",
      "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/"
      "instanceView/read",
      "Microsoft.Compute/virtualMachineScaleSets/networkInterfaces/read",
      "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/"
      "retrieveBootDiagnosticsData/action",
      // Of the subscription: the ends of operations, and checks beforehand.
      "Microsoft.Compute/locations/operations/read",
      "Microsoft.Compute/locations/diskOperations/read",
      "Microsoft.Network/locations/operations/read",
      "Microsoft.Network/locations/operationResults/read",
      "Microsoft.Resources/subscriptions/resourceGroups/read",
      "Microsoft.Resources/subscriptions/providers/read",
      "Microsoft.Compute/skus/read", "Microsoft.Compute/locations/usages/read"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

// The names of role and assignment are UUIDs made of group and uid: a second
// run finds what the first one made, and two clusters in a group have their
// own.
absl::StatusOr<std::vector<Resource>> DesiredIam(
    const ClusterIdentity& identity, const AzureSettings& settings,
    const std::map<std::string, std::string>& options) {
  const auto option = options.find("identity");
  const std::string name = option != options.end()
                               ? option->second
                               : fmt::format("{}-nodes", identity.name);
  if (!IsUuid(settings.subscription) || settings.location.empty() ||
      !IsName(settings.resource_group, 1, 90) || !IsName(name, 3, 128)) {
    return InvalidArgument(fmt::format(
        "iam: want a subscription (UUID), a region, a resource group and a "
        "name "
        "of 3-128 characters for the identity, got \"{}\", \"{}\", \"{}\", "
        "\"{}\"",
        settings.subscription, settings.location, settings.resource_group,
        name));
  }
  const ArmScope scope{.subscription = settings.subscription,
                       .resource_group = settings.resource_group};
  const std::string group = ResourceGroupId(scope);
  const auto role = [&](std::string_view type, std::string_view what) {
    return ResourceId(
        scope, type,
        UuidOf(fmt::format("{} {} {}", Lower(group), identity.uid, what)));
  };
  const std::string definition =
      role("Microsoft.Authorization/roleDefinitions", kRoleName);
  std::vector<Resource> all;
  all.push_back(Make(kResourceGroup, kGroupName, group,
                     Tagged(identity, settings, kGroupName), {}));
  all.push_back(Make(
      kIdentity, kIdentityName,
      ResourceId(scope, "Microsoft.ManagedIdentity/userAssignedIdentities",
                 name),
      Tagged(identity, settings, kIdentityName), {std::string(kGroupName)}));
  all.push_back(
      Make(kRoleDefinition, kRoleName, definition,
           {{"properties",
             {{"roleName", fmt::format("Constellation nodes {}-{}",
                                       identity.name, identity.uid)},
              {"description", DescriptionMark(identity.uid, kRoleName)},
              {"type", "CustomRole"},
              {"permissions", json::array({{{"actions", NodePermissions()},
                                            {"notActions", json::array()}}})},
              {"assignableScopes", json::array({group})}}}},
           {std::string(kGroupName)}));
  all.push_back(Make(
      kRoleAssignment, kAssignmentName,
      role("Microsoft.Authorization/roleAssignments", kAssignmentName),
      {{"properties",
        {{"roleDefinitionId", definition},
         {"principalId",
          fmt::format("@{{{}:/properties/principalId}}", kIdentityName)},
         {"principalType", "ServicePrincipal"},
         {"description", DescriptionMark(identity.uid, kAssignmentName)}}}},
      {std::string(kIdentityName), std::string(kRoleName)}));
  return all;
}

std::unique_ptr<IamProvider> MakeAzureIamProvider(AzureOptions options) {
  return std::make_unique<AzureIamProvider>(std::move(options));
}

}  // namespace constellation::cloud::azure
