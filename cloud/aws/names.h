// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_NAMES_H_
#define CONSTELLATION_CLOUD_AWS_NAMES_H_

#include <string>
#include <string_view>

namespace constellation::cloud::aws {

// Tags. The first two are on everything that the engine makes; machines and
// their volumes carry the uid and what nodes look for in it, but no resource
// name: they belong to their group.
inline constexpr std::string_view kUidTag = "constellation-uid";
inline constexpr std::string_view kResourceTag = "constellation-resource";
inline constexpr std::string_view kRoleTag = "constellation-role";
inline constexpr std::string_view kGroupTag = "constellation-node-group";
inline constexpr std::string_view kSecretTag =
    "constellation-init-secret-sha256";
inline constexpr std::string_view kEndpointTag = "constellation-endpoint";
inline constexpr std::string_view kImageHashTag = "constellation-image-sha256";

// What Kubernetes' own controllers tag what they make with; the value is
// "owned".
inline std::string KubernetesTag(std::string_view uid) {
  return "kubernetes.io/cluster/" + std::string(uid);
}

// Kinds of resources, in the order in which they are made.
inline constexpr std::string_view kVpc = "aws.vpc";
inline constexpr std::string_view kVpcAttribute = "aws.vpc-attribute";
inline constexpr std::string_view kSubnet = "aws.subnet";
inline constexpr std::string_view kInternetGateway = "aws.internet-gateway";
inline constexpr std::string_view kGatewayAttachment = "aws.gateway-attachment";
inline constexpr std::string_view kAddress = "aws.address";
inline constexpr std::string_view kNatGateway = "aws.nat-gateway";
inline constexpr std::string_view kRouteTable = "aws.route-table";
inline constexpr std::string_view kSecurityGroup = "aws.security-group";
inline constexpr std::string_view kTargetGroup = "aws.target-group";
inline constexpr std::string_view kLoadBalancer = "aws.load-balancer";
inline constexpr std::string_view kListener = "aws.listener";
inline constexpr std::string_view kLaunchTemplate = "aws.launch-template";
inline constexpr std::string_view kVolume = "aws.volume";      // sweeps only
inline constexpr std::string_view kInstance = "aws.instance";  // sweeps only
inline constexpr std::string_view kScalingGroup = "aws.scaling-group";
inline constexpr std::string_view kRole = "aws.iam-role";
inline constexpr std::string_view kInstanceProfile = "aws.instance-profile";

}  // namespace constellation::cloud::aws

#endif  // CONSTELLATION_CLOUD_AWS_NAMES_H_
