// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "cloud/aws/driver_support.h"
#include "cloud/aws/ec2_driver.h"
#include "cloud/aws/names.h"
#include "common/status_macros.h"

namespace constellation::cloud::aws {
namespace {

using Json = nlohmann::json;
using Kind = CloudErrorKind;

// --- Route tables ------------------------------------------------------------

// Routes and associations in the form of `desired`. The "local" route and the
// main association belong to every VPC and are nobody's.
absl::Status ReadRouteTable(AwsClient& /*client*/, XmlElement item,
                            Json& attributes) {
  Json routes = Json::array();
  for (const XmlElement& route : item.List("routeSet")) {
    if (route.Text("gatewayId") == "local") {
      continue;
    }
    Json entry = {{"DestinationCidrBlock", route.Text("destinationCidrBlock")}};
    for (const auto& [key, path] :
         {std::pair("GatewayId", "gatewayId"),
          std::pair("NatGatewayId", "natGatewayId")}) {
      if (const std::string id = route.Text(path); !id.empty()) {
        entry[key] = id;
      }
    }
    routes.push_back(std::move(entry));
  }
  Json subnets = Json::array();
  Json associations = Json::array();
  for (const XmlElement& association : item.List("associationSet")) {
    if (!association.IsTrue("main")) {
      subnets.push_back(association.Text("subnetId"));
      associations.push_back(association.Text("routeTableAssociationId"));
    }
  }
  std::sort(subnets.begin(), subnets.end());
  attributes["Routes"] = std::move(routes);
  attributes["SubnetIds"] = std::move(subnets);
  attributes["Associations"] = std::move(associations);
  return absl::OkStatus();
}

// Routes that exist are replaced. Associations are added only: those that are
// too many go with the table.
absl::Status FinishRouteTable(AwsClient& client, const DriverContext& context,
                              const Observed& table, const Json& wanted) {
  for (Json route : wanted.value("Routes", Json::array())) {
    route["RouteTableId"] = table.id;
    absl::Status status =
        client.Call(kEc2, "CreateRoute", route, context.stop, true).status();
    if (IsKind(status, Kind::kNameTaken)) {
      status = client.Call(kEc2, "ReplaceRoute", route, context.stop).status();
    }
    RETURN_IF_ERROR(status);
  }
  const Json have = table.attributes.value("SubnetIds", Json::array());
  for (const Json& subnet : wanted.value("SubnetIds", Json::array())) {
    if (std::find(have.begin(), have.end(), subnet) != have.end()) {
      continue;
    }
    RETURN_IF_ERROR(
        Unless(Kind::kNameTaken,
               client
                   .Call(kEc2, "AssociateRouteTable",
                         {{"RouteTableId", table.id}, {"SubnetId", subnet}},
                         context.stop)
                   .status()));
  }
  return absl::OkStatus();
}

// A table that is associated with a subnet cannot be deleted.
absl::Status EmptyRouteTable(AwsClient& client, const Observed& table) {
  for (const Json& association :
       table.attributes.value("Associations", Json::array())) {
    RETURN_IF_ERROR(
        Unless(Kind::kNotFound, client
                                    .Call(kEc2, "DisassociateRouteTable",
                                          {{"AssociationId", association}})
                                    .status()));
  }
  return absl::OkStatus();
}

// --- Internet gateways -------------------------------------------------------

// VPCs that the gateway is attached to.
absl::Status ReadGateway(AwsClient& /*client*/, XmlElement item,
                         Json& attributes) {
  Json vpcs = Json::array();
  for (const XmlElement& attachment : item.List("attachmentSet")) {
    vpcs.push_back(attachment.Text("vpcId"));
  }
  attributes["Vpcs"] = std::move(vpcs);
  return absl::OkStatus();
}

// A gateway that is attached cannot be deleted, nor can its VPC.
absl::Status DetachGateway(AwsClient& client, const Observed& gateway) {
  for (const Json& vpc : gateway.attributes.value("Vpcs", Json::array())) {
    RETURN_IF_ERROR(
        Unless(Kind::kNotFound,
               client
                   .Call(kEc2, "DetachInternetGateway",
                         {{"InternetGatewayId", gateway.id}, {"VpcId", vpc}})
                   .status()));
  }
  return absl::OkStatus();
}

// --- Security groups ---------------------------------------------------------

// One rule in the form of `desired`: one protocol, one range, one source.
Json MakeRule(std::string_view protocol, uint64_t from, uint64_t to,
              std::string_view cidr) {
  return {{"Protocol", protocol},
          {"FromPort", from},
          {"ToPort", to},
          {"Cidr", cidr}};
}

// Only IPv4 sources: we make no others, and those that name groups are
// Kubernetes'.
absl::Status ReadSecurityGroup(AwsClient& /*client*/, XmlElement item,
                               Json& attributes) {
  std::set<Json> rules;
  for (const XmlElement& permission : item.List("ipPermissions")) {
    for (const XmlElement& range : permission.List("ipRanges")) {
      rules.insert(MakeRule(permission.Text("ipProtocol"),
                            permission.Number("fromPort"),
                            permission.Number("toPort"), range.Text("cidrIp")));
    }
  }
  attributes["Ingress"] = Json(rules);
  return absl::OkStatus();
}

// Protocol "-1" is every protocol and takes no ports.
Json PermissionsOf(const std::set<Json>& rules) {
  Json permissions = Json::array();
  for (const Json& rule : rules) {
    Json permission = {
        {"IpProtocol", rule.at("Protocol")},
        {"IpRanges", Json::array({{{"CidrIp", rule.at("Cidr")}}})}};
    if (rule.at("Protocol") != "-1") {
      permission["FromPort"] = rule.at("FromPort");
      permission["ToPort"] = rule.at("ToPort");
    }
    permissions.push_back(std::move(permission));
  }
  return permissions;
}

// The rules as they shall be: what is missing is added, what is too much
// removed, whoever added it. Kubernetes' rules are in groups of its own.
absl::Status FinishSecurityGroup(AwsClient& client,
                                 const DriverContext& context,
                                 const Observed& group, const Json& wanted) {
  std::set<Json> want;
  for (const Json& rule : wanted.value("Ingress", Json::array())) {
    want.insert(rule);
  }
  ASSIGN_OR_RETURN(
      const XmlDocument answer,
      client.Call(kEc2, "DescribeSecurityGroups",
                  {{"GroupId", Json::array({group.id})}}, context.stop));
  Json attributes = Json::object();
  for (const XmlElement& item : answer.result().List("securityGroupInfo")) {
    RETURN_IF_ERROR(ReadSecurityGroup(client, item, attributes));
  }
  std::set<Json> have;
  for (const Json& rule : attributes.value("Ingress", Json::array())) {
    have.insert(rule);
  }
  std::set<Json> missing;
  std::ranges::set_difference(want, have,
                              std::inserter(missing, missing.end()));
  std::set<Json> extra;
  std::ranges::set_difference(have, want, std::inserter(extra, extra.end()));
  for (const auto& [action, rules] :
       {std::pair("AuthorizeSecurityGroupIngress", &missing),
        std::pair("RevokeSecurityGroupIngress", &extra)}) {
    if (rules->empty()) {
      continue;
    }
    RETURN_IF_ERROR(Unless(Kind::kNameTaken,
                           client
                               .Call(kEc2, action,
                                     {{"GroupId", group.id},
                                      {"IpPermissions", PermissionsOf(*rules)}},
                                     context.stop)
                               .status()));
  }
  return absl::OkStatus();
}

// Groups that name each other cannot be deleted in any order.
absl::Status ForgetSecurityGroup(AwsClient& client, const Observed& group) {
  std::vector<std::pair<std::string, Json>> holders;
  RETURN_IF_ERROR(client.CallPaged(
      kEc2, "DescribeSecurityGroups",
      {{"Filter", Json::array({Filter("ip-permission.group-id", {group.id})})}},
      {}, [&](XmlElement page) -> absl::Status {
        for (const XmlElement& item : page.List("securityGroupInfo")) {
          Json permissions = Json::array();
          for (const XmlElement& rule : item.List("ipPermissions")) {
            for (const XmlElement& pair : rule.List("groups")) {
              if (pair.Text("groupId") != group.id) {
                continue;
              }
              Json permission = {
                  {"IpProtocol", rule.Text("ipProtocol")},
                  {"Groups", Json::array({{{"GroupId", group.id}}})}};
              if (rule.At("fromPort")) {
                permission["FromPort"] = rule.Number("fromPort");
                permission["ToPort"] = rule.Number("toPort");
              }
              permissions.push_back(std::move(permission));
            }
          }
          holders.emplace_back(item.Text("groupId"), std::move(permissions));
        }
        return absl::OkStatus();
      }));
  for (const auto& [holder, permissions] : holders) {
    RETURN_IF_ERROR(
        Unless(Kind::kNotFound,
               client
                   .Call(kEc2, "RevokeSecurityGroupIngress",
                         {{"GroupId", holder}, {"IpPermissions", permissions}})
                   .status()));
  }
  return absl::OkStatus();
}

// --- Machines ----------------------------------------------------------------

// Those of a living group come back when they are deleted: the group goes
// first.
// Whether the sweep may end the machine `machine`.
absl::StatusOr<bool> IsOrphan(AwsClient& client, const Observed& machine) {
  const std::string group =
      TagOf(machine.attributes.at("Tags"), "aws:autoscaling:groupName");
  if (group.empty()) {
    return true;
  }
  ASSIGN_OR_RETURN(
      const XmlDocument answer,
      client.Call(kAutoScaling, "DescribeAutoScalingGroups",
                  {{"AutoScalingGroupNames", Json::array({group})}}));
  return answer.result().List("AutoScalingGroups").empty();
}

// --- Launch templates --------------------------------------------------------

// What the default version holds; its description is the digest of ours.
absl::Status ReadTemplate(AwsClient& client, XmlElement item,
                          Json& attributes) {
  ASSIGN_OR_RETURN(
      const XmlDocument answer,
      client.Call(kEc2, "DescribeLaunchTemplateVersions",
                  {{"LaunchTemplateId", item.Text("launchTemplateId")},
                   {"LaunchTemplateVersion", Json::array({"$Default"})}}));
  for (const XmlElement& version :
       answer.result().List("launchTemplateVersionSet")) {
    attributes["VersionDescription"] = version.Text("versionDescription");
    attributes["Image"] = version.Text("launchTemplateData/imageId");
    attributes["InstanceType"] =
        version.Text("launchTemplateData/instanceType");
  }
  return absl::OkStatus();
}

// A template cannot be changed: a new version is made and becomes the default
// one. The token is made of the latest version and the digest, so that a repeat
// makes no second version.
absl::Status FinishTemplate(AwsClient& client, const DriverContext& context,
                            const Observed& found, const Json& wanted) {
  const std::string digest = wanted.value("VersionDescription", "");
  if (!found.attributes.contains("VersionDescription") ||
      found.attributes.at("VersionDescription") == digest) {
    return absl::OkStatus();  // just made, or as it shall be
  }
  ASSIGN_OR_RETURN(
      const XmlDocument answer,
      client.Call(kEc2, "CreateLaunchTemplateVersion",
                  {{"LaunchTemplateId", found.id},
                   {"ClientToken",
                    fmt::format("{}-{}-{}", context.cluster.uid,
                                found.attributes.value("LatestVersion", ""),
                                digest.substr(0, 32))},
                   {"VersionDescription", digest},
                   {"LaunchTemplateData", wanted.at("LaunchTemplateData")}},
                  context.stop, /*repeatable=*/true));
  const std::string version =
      answer.result().Text("launchTemplateVersion/versionNumber");
  return client
      .Call(kEc2, "ModifyLaunchTemplate",
            {{"LaunchTemplateId", found.id}, {"SetDefaultVersion", version}},
            context.stop)
      .status();
}

// --- Tables ------------------------------------------------------------------

// The three functions below stand in the order of creation. `parameters` are
// keys of `desired` that the create call takes as they are.
std::vector<Ec2Kind> VpcKinds() {
  return {{.kind = kVpc,
           .describe = "DescribeVpcs",
           .list = "vpcSet",
           .id_element = "vpcId",
           .id_parameter = "VpcId",
           .create = "CreateVpc",
           .created = "vpc/vpcId",
           .tag_type = "vpc",
           .remove = "DeleteVpc",
           .state = "state",
           .parameters = {"CidrBlock"},
           .attributes = {{"CidrBlock", "cidrBlock"}}},
          {.kind = kSubnet,
           .describe = "DescribeSubnets",
           .list = "subnetSet",
           .id_element = "subnetId",
           .id_parameter = "SubnetId",
           .create = "CreateSubnet",
           .created = "subnet/subnetId",
           .tag_type = "subnet",
           .remove = "DeleteSubnet",
           .state = "state",
           .parameters = {"VpcId", "CidrBlock", "AvailabilityZone"},
           .attributes = {{"VpcId", "vpcId"},
                          {"CidrBlock", "cidrBlock"},
                          {"AvailabilityZone", "availabilityZone"}}},
          {.kind = kInternetGateway,
           .describe = "DescribeInternetGateways",
           .list = "internetGatewaySet",
           .id_element = "internetGatewayId",
           .id_parameter = "InternetGatewayId",
           .create = "CreateInternetGateway",
           .created = "internetGateway/internetGatewayId",
           .tag_type = "internet-gateway",
           .remove = "DeleteInternetGateway",
           .read = ReadGateway,
           .before_delete = DetachGateway}};
}

// Addresses and NAT gateways. An address has no state and no token: a lost
// answer is found again by its tag.
std::vector<Ec2Kind> GatewayKinds() {
  return {{.kind = kAddress,
           .describe = "DescribeAddresses",
           .list = "addressesSet",
           .id_element = "allocationId",
           .id_parameter = "AllocationId",
           .create = "AllocateAddress",
           .created = "allocationId",
           .tag_type = "elastic-ip",
           .remove = "ReleaseAddress",
           .parameters = {"Domain"},
           .attributes = {{"PublicIp", "publicIp"}}},
          {.kind = kNatGateway,
           .describe = "DescribeNatGateways",
           .list = "natGatewaySet",
           .id_element = "natGatewayId",
           .id_parameter = "NatGatewayId",
           .create = "CreateNatGateway",
           .created = "natGateway/natGatewayId",
           .tag_type = "natgateway",
           .remove = "DeleteNatGateway",
           .state = "state",
           .token = true,
           .parameters = {"SubnetId", "AllocationId"},
           .attributes = {{"SubnetId", "subnetId"}}}};
}

// Kinds whose contents can be changed in place.
std::vector<Ec2Kind> RuleKinds() {
  return {{.kind = kRouteTable,
           .describe = "DescribeRouteTables",
           .list = "routeTableSet",
           .id_element = "routeTableId",
           .id_parameter = "RouteTableId",
           .create = "CreateRouteTable",
           .created = "routeTable/routeTableId",
           .tag_type = "route-table",
           .remove = "DeleteRouteTable",
           .token = true,
           .parameters = {"VpcId"},
           .attributes = {{"VpcId", "vpcId"}},
           .changeable = {"Routes", "SubnetIds"},
           .finish = FinishRouteTable,
           .read = ReadRouteTable,
           .before_delete = EmptyRouteTable},
          {.kind = kSecurityGroup,
           .describe = "DescribeSecurityGroups",
           .list = "securityGroupInfo",
           .id_element = "groupId",
           .id_parameter = "GroupId",
           .create = "CreateSecurityGroup",
           .created = "groupId",
           .tag_type = "security-group",
           .remove = "DeleteSecurityGroup",
           .unique = true,
           .parameters = {"GroupName", "GroupDescription", "VpcId"},
           .attributes = {{"GroupName", "groupName"}, {"VpcId", "vpcId"}},
           .changeable = {"Ingress"},
           .finish = FinishSecurityGroup,
           .read = ReadSecurityGroup,
           .before_delete = ForgetSecurityGroup}};
}

// Kinds that are never planned: the engine meets them only when it sweeps.
std::vector<Ec2Kind> SweptKinds() {
  return {
      // Kubernetes' volumes; those in use go with their machines, or are free
      // when these are gone.
      {.kind = kVolume,
       .describe = "DescribeVolumes",
       .list = "volumeSet",
       .id_element = "volumeId",
       .id_parameter = "VolumeId",
       .remove = "DeleteVolume",
       .state = "status",
       .filters = Json::array({Filter("status", {"available", "error"})})},
      {.kind = kInstance,
       .describe = "DescribeInstances",
       .list = "instancesSet",
       .id_element = "instanceId",
       .id_parameter = "InstanceId",
       .remove = "TerminateInstances",
       .state = "instanceState/name",
       .filters =
           Json::array({Filter("instance-state-name",
                               {"pending", "running", "stopping", "stopped"})}),
       .sweeps = IsOrphan},
  };
}

}  // namespace

std::vector<Ec2Kind> Ec2NetworkKinds() {
  std::vector<Ec2Kind> kinds;
  for (auto* part : {&VpcKinds, &GatewayKinds, &RuleKinds, &SweptKinds}) {
    for (Ec2Kind& kind : part()) {
      kinds.push_back(std::move(kind));
    }
  }
  return kinds;
}

// Named and tokened: doubles cannot be made. "LatestVersion" is read for the
// token of the next version.
Ec2Kind LaunchTemplateKind() {
  return {.kind = kLaunchTemplate,
          .describe = "DescribeLaunchTemplates",
          .list = "launchTemplates",
          .id_element = "launchTemplateId",
          .id_parameter = "LaunchTemplateId",
          .create = "CreateLaunchTemplate",
          .created = "launchTemplate/launchTemplateId",
          .tag_type = "launch-template",
          .remove = "DeleteLaunchTemplate",
          .token = true,
          .unique = true,
          .parameters = {"LaunchTemplateName", "VersionDescription",
                         "LaunchTemplateData"},
          .attributes = {{"LaunchTemplateName", "launchTemplateName"},
                         {"LatestVersion", "latestVersionNumber"}},
          .changeable = {"VersionDescription", "LaunchTemplateData", "Image",
                         "InstanceType"},
          .finish = FinishTemplate,
          .read = ReadTemplate};
}

}  // namespace constellation::cloud::aws
