// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <span>

#include "cloud/aws/api.h"
#include "cloud/aws/desired.h"
#include "cloud/aws/names.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::aws {
namespace {

using Json = nlohmann::json;

// What a node asks for itself (aws_metadata.h): itself and its peers.
constexpr std::array<std::string_view, 1> kNode = {"ec2:DescribeInstances"};

// What Kubernetes' AWS cloud controller manager documents for control planes
// ("Prerequisites", IAM policies); deleting and changing is limited by tag.
constexpr std::array<std::string_view, 22> kControllerReads = {
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeLaunchConfigurations",
    "autoscaling:DescribeTags",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeImages",
    "ec2:DescribeInstanceStatus",
    "ec2:DescribeInstanceTopology",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:DescribeRegions",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVolumes",
    "ec2:DescribeVpcs",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeLoadBalancerAttributes",
    "elasticloadbalancing:DescribeLoadBalancerPolicies",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeTags",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth"};

constexpr std::array<std::string_view, 31> kControllerWrites = {
    "ec2:AttachVolume",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:CreateRoute",
    "ec2:CreateSecurityGroup",
    "ec2:CreateTags",
    "ec2:CreateVolume",
    "ec2:DeleteRoute",
    "ec2:DeleteSecurityGroup",
    "ec2:DeleteVolume",
    "ec2:DetachVolume",
    "ec2:ModifyInstanceAttribute",
    "ec2:ModifyVolume",
    "ec2:RevokeSecurityGroupIngress",
    "elasticloadbalancing:AddTags",
    "elasticloadbalancing:AttachLoadBalancerToSubnets",
    "elasticloadbalancing:ApplySecurityGroupsToLoadBalancer",
    "elasticloadbalancing:ConfigureHealthCheck",
    "elasticloadbalancing:CreateListener",
    "elasticloadbalancing:CreateLoadBalancer",
    "elasticloadbalancing:CreateLoadBalancerListeners",
    "elasticloadbalancing:CreateTargetGroup",
    "elasticloadbalancing:DeleteListener",
    "elasticloadbalancing:DeleteLoadBalancer",
    "elasticloadbalancing:DeleteTargetGroup",
    "elasticloadbalancing:DeregisterTargets",
    "elasticloadbalancing:ModifyListener",
    "elasticloadbalancing:ModifyLoadBalancerAttributes",
    "elasticloadbalancing:ModifyTargetGroup",
    "elasticloadbalancing:ModifyTargetGroupAttributes",
    "elasticloadbalancing:RegisterTargets",
    "elasticloadbalancing:SetLoadBalancerPoliciesOfListener"};

// Allows `actions` in one region only. Most of EC2's Describe actions cannot be
// limited to resources.
Json Statement(std::span<const std::string_view> actions,
               std::string_view region) {
  Json list = Json::array();
  for (const std::string_view action : actions) {
    list.push_back(action);
  }
  return {{"Effect", "Allow"},
          {"Action", list},
          {"Resource", "*"},
          {"Condition", {{"StringEquals", {{"aws:RequestedRegion", region}}}}}};
}

// The policy language's version, the only one that has policy variables.
Json Document(Json statements) {
  return {{"Version", "2012-10-17"}, {"Statement", std::move(statements)}};
}

// A role and its instance profile. The path holds the uid: IAM has no search by
// tag, but lists by path. Workers get no rights of controllers, so a worker
// that is broken into cannot change the network.
void AddNodeKind(const ClusterIdentity& identity, std::string_view region,
                 bool control_plane, std::vector<Resource>& resources) {
  const std::string word = control_plane ? "control-plane" : "worker";
  const std::string role = "role-" + word;
  const std::string name = BaseName(identity) + "-" + word;
  const std::string path = fmt::format("/constellation/{}/", identity.uid);
  const std::string partition(PartitionOfRegion(region));
  Json policies = {{"node", Document(Json::array({Statement(kNode, region)}))}};
  if (control_plane) {
    policies["cloud-controller"] =
        Document(Json::array({Statement(kControllerReads, region),
                              Statement(kControllerWrites, region)}));
  }
  const Json trust = Document(Json::array(
      {{{"Effect", "Allow"},
        {"Action", "sts:AssumeRole"},
        {"Principal",
         {{"Service", partition == "aws-cn" ? "ec2.amazonaws.com.cn"
                                            : "ec2.amazonaws.com"}}}}}));
  resources.push_back(
      {.kind = std::string(aws::kRole),
       .name = role,
       .desired = {{"RoleName", name},
                   {"Path", path},
                   {"Description", "Constellation nodes: " + word},
                   {"AssumeRolePolicyDocument", trust.dump()},
                   {"Policies", policies},
                   {"ManagedPolicies",
                    Json::array({fmt::format("arn:{}:iam::aws:policy/"
                                             "service-role/"
                                             "AmazonEBSCSIDriverPolicy",
                                             partition)})}}});
  resources.push_back({.kind = std::string(kInstanceProfile),
                       .name = std::string(control_plane ? kControlPlaneProfile
                                                         : kWorkerProfile),
                       .desired = {{"InstanceProfileName", name},
                                   {"Path", path},
                                   {"RoleName", "${" + role + "}"}},
                       .depends_on = {role}});
}

}  // namespace

// AWS has no options of its own. 48 characters leave room for the suffixes in
// the 64 of a role's name.
absl::StatusOr<std::vector<Resource>> IamResources(
    const ClusterIdentity& identity, std::string_view region,
    const std::map<std::string, std::string>& options) {
  if (!options.empty()) {
    return InvalidArgument(
        fmt::format("aws has no IAM option \"{}\"", options.begin()->first));
  }
  const std::string base = BaseName(identity);
  if (identity.uid.empty() || base.size() > 48 ||
      base.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") !=
          std::string::npos) {
    return InvalidArgument(fmt::format(
        "name: want [a-z0-9-], with the uid at most 48 characters, got \"{}\"",
        base));
  }
  if (region.empty()) {
    return InvalidArgument("provider.aws.region: want a region, got \"\"");
  }
  std::vector<Resource> resources;
  AddNodeKind(identity, region, /*control_plane=*/true, resources);
  AddNodeKind(identity, region, /*control_plane=*/false, resources);
  return resources;
}

}  // namespace constellation::cloud::aws
