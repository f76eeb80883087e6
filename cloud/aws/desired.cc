// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/desired.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "cloud/aws/desired_checks.h"
#include "cloud/aws/names.h"
#include "common/hex.h"
#include "common/status_macros.h"
#include "crypto/hash.h"

namespace constellation::cloud::aws {
namespace {

using Json = nlohmann::json;

// A port of the cluster's load balancer, forwarded to all control planes.
struct Port {
  std::string_view name;
  int number;
  bool https = false;  // health check by /readyz
};

// The API server is asked whether it is ready; all others only have to accept
// connections, because they want attested peers.
constexpr std::array<Port, 5> kPorts = {{{"kubernetes", 6443, true},
                                         {"bootstrapper", 9000},
                                         {"verify", 30081},
                                         {"recovery", 9999},
                                         {"join", 30090}}};

// Stands for the id of resource `name`, which is filled in when it is known
// (Resolve()).
std::string Ref(std::string_view name) {
  return fmt::format("${{{}}}", name);
}

// Builds the list; what a cluster has in common is in its members.
// Pure: the same request gives the same list. `request`, `settings` and
// `network` must outlive it.
class Builder final {
 public:
  Builder(const ClusterRequest& request, const AwsSettings& settings,
          const NetworkPlan& network)
      : request_(request),
        settings_(settings),
        network_(network),
        base_(BaseName(request.identity)) {}

  // In the order in which things are made, though only `depends_on` counts.
  std::vector<Resource> Build() && {
    AddNetwork();
    for (const ZonePlan& zone : network_.zones) {
      AddZone(zone);
    }
    AddPublicRoutes();
    AddSecurityGroups();
    AddBalancer();
    for (const NodeGroupRequest& group : request_.groups) {
      AddGroup(group);
    }
    return std::move(resources_);
  }

 private:
  // The user's tags are added to all; they do not replace those given here.
  void Add(std::string_view kind, std::string name, Json desired,
           std::vector<std::string> depends_on,
           std::map<std::string, std::string> tags = {}) {
    tags.insert(request_.tags.begin(), request_.tags.end());
    resources_.push_back({.kind = std::string(kind),
                          .name = std::move(name),
                          .tags = std::move(tags),
                          .desired = std::move(desired),
                          .depends_on = std::move(depends_on)});
  }

  // One VPC, its DNS names, and its way to the internet.
  void AddNetwork() {
    Add(kVpc, "vpc", {{"CidrBlock", network_.vpc_cidr}}, {});
    Add(kVpcAttribute, "vpc-dns", {{"VpcId", Ref("vpc")}}, {"vpc"});
    Add(kInternetGateway, "internet-gateway", Json::object(), {});
    Add(kGatewayAttachment, "internet-gateway-attachment",
        {{"InternetGatewayId", Ref("internet-gateway")}, {"VpcId", Ref("vpc")}},
        {"internet-gateway", "vpc"});
  }

  // Two subnets: nodes are in the private one, whose way out is a NAT gateway
  // in the public one. One gateway for each zone, so that no zone depends on
  // another.
  void AddZone(const ZonePlan& zone) {
    const std::string& z = zone.letter;
    // Marks by which Kubernetes' controllers choose subnets for balancers.
    const std::string cluster = KubernetesTag(request_.identity.uid);
    Add(kSubnet, "subnet-private-" + z,
        {{"VpcId", Ref("vpc")},
         {"CidrBlock", zone.private_cidr},
         {"AvailabilityZone", zone.name}},
        {"vpc"},
        {{"kubernetes.io/role/internal-elb", "1"}, {cluster, "owned"}});
    Add(kSubnet, "subnet-public-" + z,
        {{"VpcId", Ref("vpc")},
         {"CidrBlock", zone.public_cidr},
         {"AvailabilityZone", zone.name}},
        {"vpc"}, {{"kubernetes.io/role/elb", "1"}, {cluster, "owned"}});
    Add(kAddress, "address-nat-" + z, {{"Domain", "vpc"}}, {});
    Add(kNatGateway, "nat-" + z,
        {{"SubnetId", Ref("subnet-public-" + z)},
         {"AllocationId", Ref("address-nat-" + z)}},
        {"subnet-public-" + z, "address-nat-" + z,
         "internet-gateway-attachment"});
    Add(kRouteTable, "routes-private-" + z,
        {{"VpcId", Ref("vpc")},
         {"Routes", Json::array({{{"DestinationCidrBlock", "0.0.0.0/0"},
                                  {"NatGatewayId", Ref("nat-" + z)}}})},
         {"SubnetIds", Json::array({Ref("subnet-private-" + z)})}},
        {"vpc", "nat-" + z, "subnet-private-" + z});
  }

  // The public subnets share one table: their way out is the same.
  void AddPublicRoutes() {
    Json subnets = Json::array();
    std::vector<std::string> depends = {"vpc", "internet-gateway",
                                        "internet-gateway-attachment"};
    for (const ZonePlan& zone : network_.zones) {
      depends.push_back("subnet-public-" + zone.letter);
      subnets.push_back(Ref(depends.back()));
    }
    Add(kRouteTable, "routes-public",
        {{"VpcId", Ref("vpc")},
         {"Routes", Json::array({{{"DestinationCidrBlock", "0.0.0.0/0"},
                                  {"GatewayId", Ref("internet-gateway")}}})},
         {"SubnetIds", subnets}},
        depends);
  }

  // One ingress rule in the form in which the driver reads them back.
  static Json Rule(std::string_view protocol, int port, std::string_view cidr) {
    return {{"Protocol", protocol},
            {"FromPort", port},
            {"ToPort", port},
            {"Cidr", cidr}};
  }

  // Nodes take everything from the VPC, that is from each other and from the
  // load balancer, and nothing from outside.
  void AddSecurityGroups() {
    Add(kSecurityGroup, "security-group-nodes",
        {{"GroupName", base_ + "-nodes"},
         {"GroupDescription", "Nodes of Constellation cluster " + base_},
         {"VpcId", Ref("vpc")},
         {"Ingress", Json::array({Rule("-1", 0, network_.vpc_cidr)})}},
        {"vpc"}, {{KubernetesTag(request_.identity.uid), "owned"}});
    std::set<std::string> sources(request_.allowed_sources.begin(),
                                  request_.allowed_sources.end());
    sources.insert(network_.vpc_cidr);
    std::vector<std::string> depends = {"vpc"};
    // Nodes reach a public load balancer through their NAT gateway.
    for (const ZonePlan& zone : network_.zones) {
      if (!request_.internal_load_balancer) {
        depends.push_back("address-nat-" + zone.letter);
        sources.insert("${" + depends.back() + ".PublicIp}/32");
      }
    }
    // One rule for each source and port: AWS merges and splits ranges, single
    // rules can be compared.
    Json rules = Json::array();
    for (const std::string& source : sources) {
      for (const Port& port : kPorts) {
        rules.push_back(Rule("tcp", port.number, source));
      }
    }
    Add(kSecurityGroup, "security-group-balancer",
        {{"GroupName", base_ + "-balancer"},
         {"GroupDescription",
          "Load balancer of Constellation cluster " + base_},
         {"VpcId", Ref("vpc")},
         {"Ingress", rules}},
        depends);
  }

  // A network load balancer: TCP passes through it, so TLS ends in the attested
  // nodes. Public ones have a fixed address in each zone.
  void AddBalancer() {
    const bool internal = request_.internal_load_balancer;
    Json mappings = Json::array();
    std::vector<std::string> depends = {"security-group-balancer"};
    for (const ZonePlan& zone : network_.zones) {
      const std::string subnet =
          (internal ? "subnet-private-" : "subnet-public-") + zone.letter;
      depends.push_back(subnet);
      Json mapping = {{"SubnetId", Ref(subnet)}};
      if (!internal) {
        const std::string address = "address-balancer-" + zone.letter;
        Add(kAddress, address, {{"Domain", "vpc"}}, {});
        depends.push_back(address);
        mapping["AllocationId"] = Ref(address);
      }
      mappings.push_back(std::move(mapping));
    }
    if (!internal) {
      depends.emplace_back("internet-gateway-attachment");
    }
    Add(kLoadBalancer, std::string(kBalancerName),
        {{"Name", base_},
         {"Type", "network"},
         {"Scheme", internal ? "internal" : "internet-facing"},
         {"IpAddressType", "ipv4"},
         {"SubnetMappings", mappings},
         {"SecurityGroups", Json::array({Ref("security-group-balancer")})},
         {"Attributes", {{"load_balancing.cross_zone.enabled", "true"}}}},
        depends);
    for (const Port& port : kPorts) {
      AddPort(port);
    }
  }

  // One target group and its listener.
  void AddPort(const Port& port) {
    const std::string target = fmt::format("target-{}", port.name);
    Json group = {
        {"Name", fmt::format("{}-{}", base_, port.name)},
        {"Protocol", "TCP"},
        {"Port", port.number},
        {"VpcId", Ref("vpc")},
        {"TargetType", "instance"},
        {"HealthCheckProtocol", port.https ? "HTTPS" : "TCP"},
        {"HealthCheckPort", std::to_string(port.number)},
        {"HealthCheckIntervalSeconds", 10},
        {"HealthyThresholdCount", 2},
        {"UnhealthyThresholdCount", 2},
        // Else a node could not reach itself through the load balancer.
        {"Attributes", {{"preserve_client_ip.enabled", "false"}}}};
    if (port.https) {
      group["HealthCheckPath"] = "/readyz";
    }
    Add(kTargetGroup, target, std::move(group), {"vpc"});
    Add(kListener, fmt::format("listener-{}", port.name),
        {{"LoadBalancerArn", Ref(kBalancerName)},
         {"Protocol", "TCP"},
         {"Port", port.number},
         {"DefaultActions", Json::array({{{"Type", "forward"},
                                          {"TargetGroupArn", Ref(target)}}})}},
        {std::string(kBalancerName), target});
  }

  // What machines and their volumes carry.
  Json MachineTags(const NodeGroupRequest& group) const {
    Json tags = Json::object();
    for (const auto& [key, value] : request_.tags) {
      tags[key] = value;
    }
    tags[std::string(kUidTag)] = request_.identity.uid;
    tags[std::string(aws::kRoleTag)] = NodeRoleName(group.role);
    tags[std::string(kGroupTag)] = group.name;
    tags[std::string(kSecretTag)] = request_.init_secret_sha256;
    tags[std::string(kEndpointTag)] =
        request_.custom_endpoint.empty()
            ? "${" + std::string(kBalancerName) + ".DNSName}"
            : request_.custom_endpoint;
    tags[KubernetesTag(request_.identity.uid)] = "owned";
    tags["Name"] = fmt::format("{}-{}", base_, GroupSlug(group.name));
    Json list = Json::array();
    for (const auto& [key, value] : tags.items()) {
      list.push_back({{"Key", key}, {"Value", value}});
    }
    return list;
  }

  // Provisioned types want a number of operations: what gp3 has by default, as
  // far as the size allows (50 for each GB, at least 100).
  static Json StateDisk(const NodeGroupRequest& group) {
    Json disk = {{"VolumeSize", group.state_disk_size_gb},
                 {"VolumeType", group.state_disk_type},
                 {"Encrypted", true},
                 {"DeleteOnTermination", true}};
    if (group.state_disk_type.starts_with("io")) {
      disk["Iops"] = std::clamp(group.state_disk_size_gb * 50, 100, 3000);
    }
    return disk;
  }

  // What every machine of the group is started with. IMDSv2 only: a request
  // forged through a proxy on the node cannot fetch the role's keys (two hops,
  // because pods are one hop further). The state disk is encrypted by EBS, too,
  // though the node does its own. SEV-SNP is a CPU option; TPM and UEFI come
  // from the image.
  Json TemplateData(const NodeGroupRequest& group) const {
    const bool control_plane = group.role == NodeRole::kControlPlane;
    const Json tags = MachineTags(group);
    Json data = {
        {"ImageId", request_.image},
        {"InstanceType", group.instance_type},
        {"IamInstanceProfile",
         {{"Name", control_plane ? settings_.iam_profile_control_plane
                                 : settings_.iam_profile_worker_nodes}}},
        {"SecurityGroupId", Json::array({Ref("security-group-nodes")})},
        // Tags in the metadata service would forbid Kubernetes' tag names.
        {"MetadataOptions",
         {{"HttpEndpoint", "enabled"},
          {"HttpTokens", "required"},
          {"HttpPutResponseHopLimit", 2},
          {"InstanceMetadataTags", "disabled"}}},
        {"BlockDeviceMapping", Json::array({{{"DeviceName", "/dev/sdb"},
                                             {"Ebs", StateDisk(group)}}})},
        {"TagSpecification",
         Json::array({{{"ResourceType", "instance"}, {"Tag", tags}},
                      {{"ResourceType", "volume"}, {"Tag", tags}}})}};
    if (request_.attestation_variant == kSevSnpVariant) {
      data["CpuOptions"] = {{"AmdSevSnp", "enabled"}};
    }
    return data;
  }

  // A launch template and the group that uses its default version. The
  // template's digest stands in its description, since EC2 gives a template
  // back in another form and it could not be compared.
  void AddGroup(const NodeGroupRequest& group) {
    const std::string slug = GroupSlug(group.name);
    const std::string name = fmt::format("{}-{}", base_, slug);
    const Json data = TemplateData(group);
    Add(kLaunchTemplate, "template-" + slug,
        {{"LaunchTemplateName", name},
         {"LaunchTemplateData", data},
         {"VersionDescription",
          HexEncode(crypto::Sha256(AsBytes(data.dump())))},
         {"Image", request_.image},
         {"InstanceType", group.instance_type}},
        {"security-group-nodes", std::string(kBalancerName)});
    const std::string letter =
        LetterOfZone(group.zone.empty() ? settings_.zone : group.zone);
    std::vector<std::string> depends = {"template-" + slug,
                                        "subnet-private-" + letter,
                                        "routes-private-" + letter, "vpc-dns"};
    Json desired = {{"AutoScalingGroupName", name},
                    {"LaunchTemplate",
                     {{"LaunchTemplateId", Ref("template-" + slug)},
                      {"Version", "$Default"}}},
                    {"MinSize", std::min(group.count, 1)},
                    {"MaxSize", std::max(group.count, 10)},
                    {"DesiredCapacity", group.count},
                    {"VPCZoneIdentifier", Ref("subnet-private-" + letter)}};
    if (group.role == NodeRole::kControlPlane) {
      desired["TargetGroupARNs"] = Json::array();
      for (const Port& port : kPorts) {
        depends.push_back(fmt::format("target-{}", port.name));
        desired["TargetGroupARNs"].push_back(Ref(depends.back()));
      }
    }
    Add(kScalingGroup, "group-" + slug, std::move(desired), depends);
  }

  const ClusterRequest& request_;
  const AwsSettings& settings_;
  const NetworkPlan& network_;
  const std::string base_;
  std::vector<Resource> resources_;
};

}  // namespace

std::string BaseName(const ClusterIdentity& identity) {
  return identity.name + "-" + identity.uid;
}

std::string GroupSlug(std::string_view group) {
  std::string slug(group);
  std::ranges::replace(slug, '_', '-');
  return slug;
}

std::vector<std::string> ZonesOf(const ClusterRequest& request) {
  const auto* settings = std::get_if<AwsSettings>(&request.settings);
  std::set<std::string> zones;
  for (const NodeGroupRequest& group : request.groups) {
    zones.insert(group.zone.empty() && settings != nullptr ? settings->zone
                                                           : group.zone);
  }
  return {zones.begin(), zones.end()};
}

// CheckRequest() first: what follows trusts the request's fields.
absl::StatusOr<std::vector<Resource>> ClusterResources(
    const ClusterRequest& request) {
  RETURN_IF_ERROR(CheckRequest(request));
  ASSIGN_OR_RETURN(const NetworkPlan network,
                   PlanNetwork(request.node_cidr, ZonesOf(request)));
  return Builder(request, std::get<AwsSettings>(request.settings), network)
      .Build();
}

}  // namespace constellation::cloud::aws
