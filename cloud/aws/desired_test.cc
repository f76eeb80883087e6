// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/desired.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "cloud/aws/testing/aws_request.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOk;
using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TwoZoneRequest;

const Resource& Named(const std::vector<Resource>& resources,
                      std::string_view name) {
  static const Resource none;
  const auto found = std::ranges::find(resources, name, &Resource::name);
  EXPECT_NE(found, resources.end()) << name;
  return found == resources.end() ? none : *found;
}

std::vector<Resource> Resources(const ClusterRequest& request) {
  auto resources = ClusterResources(request);
  EXPECT_THAT(resources, IsOk());
  return resources.ok() ? *resources : std::vector<Resource>();
}

TEST(ClusterResourcesTest, FormAPlan) {
  for (const bool internal : {false, true}) {
    ClusterRequest request = TwoZoneRequest();
    request.internal_load_balancer = internal;
    const auto resources = Resources(request);
    EXPECT_THAT(DependencyOrder(resources), IsOk());
    // Everything that is referred to is a dependency.
    for (const Resource& resource : resources) {
      const std::string text = resource.desired.dump();
      for (size_t at = text.find("${"); at != std::string::npos;
           at = text.find("${", at + 1)) {
        const std::string name =
            text.substr(at + 2, text.find_first_of(".}", at) - at - 2);
        EXPECT_NE(std::ranges::find(resource.depends_on, name),
                  resource.depends_on.end())
            << resource.name << " -> " << name;
      }
    }
  }
}

TEST(ClusterResourcesTest, HaveOneNetworkPerZone) {
  const auto resources = Resources(TwoZoneRequest());
  EXPECT_EQ(Named(resources, "vpc").desired.at("CidrBlock"), "192.168.0.0/16");
  EXPECT_EQ(Named(resources, "subnet-private-a").desired.at("CidrBlock"),
            "192.168.178.0/24");
  EXPECT_EQ(Named(resources, "subnet-private-b").desired.at("CidrBlock"),
            "192.168.179.0/24");
  EXPECT_EQ(Named(resources, "subnet-public-b").desired.at("CidrBlock"),
            "192.168.1.0/24");
  EXPECT_EQ(
      Named(resources, "load-balancer").desired.at("SubnetMappings").size(),
      2U);
  EXPECT_EQ(Named(resources, "group-worker-b").desired.at("VPCZoneIdentifier"),
            "${subnet-private-b}");
}

TEST(ClusterResourcesTest, OpenNothingToTheWorld) {
  const auto resources = Resources(TwoZoneRequest());
  std::set<std::string> sources;
  for (const auto& rule :
       Named(resources, "security-group-balancer").desired.at("Ingress")) {
    sources.insert(rule.at("Cidr"));
    EXPECT_EQ(rule.at("Protocol"), "tcp");
  }
  EXPECT_THAT(sources, ElementsAre("${address-nat-a.PublicIp}/32",
                                   "${address-nat-b.PublicIp}/32",
                                   "192.168.0.0/16", "203.0.113.7/32"));
  for (const auto& rule :
       Named(resources, "security-group-nodes").desired.at("Ingress")) {
    EXPECT_EQ(rule.at("Cidr"), "192.168.0.0/16");
  }
}

TEST(ClusterResourcesTest, InternalBalancersHaveNoAddresses) {
  ClusterRequest request = TwoZoneRequest();
  request.internal_load_balancer = true;
  const auto resources = Resources(request);
  const auto& balancer = Named(resources, "load-balancer").desired;
  EXPECT_EQ(balancer.at("Scheme"), "internal");
  for (const auto& mapping : balancer.at("SubnetMappings")) {
    EXPECT_FALSE(mapping.contains("AllocationId"));
  }
  for (const Resource& resource : resources) {
    EXPECT_THAT(resource.name, Not(HasSubstr("address-balancer")));
  }
}

TEST(ClusterResourcesTest, MachinesAreConfidential) {
  ClusterRequest request = TwoZoneRequest();
  auto resources = Resources(request);
  const auto& data = Named(resources, "template-control-plane-default")
                         .desired.at("LaunchTemplateData");
  EXPECT_EQ(data.at("CpuOptions").at("AmdSevSnp"), "enabled");
  EXPECT_EQ(data.at("MetadataOptions").at("HttpTokens"), "required");
  EXPECT_EQ(data.at("IamInstanceProfile").at("Name"), "cp");
  EXPECT_EQ(data.at("BlockDeviceMapping")[0].at("Ebs").at("Encrypted"), true);
  EXPECT_FALSE(data.at("BlockDeviceMapping")[0].at("Ebs").contains("Iops"));
  request.groups[1].state_disk_type = "io2";
  request.attestation_variant = "aws-nitro-tpm";
  resources = Resources(request);
  EXPECT_FALSE(Named(resources, "template-worker-b")
                   .desired.at("LaunchTemplateData")
                   .contains("CpuOptions"));
  EXPECT_EQ(Named(resources, "template-worker-b")
                .desired.at("LaunchTemplateData")
                .at("BlockDeviceMapping")[0]
                .at("Ebs")
                .at("Iops"),
            1500);
}

TEST(ClusterResourcesTest, ADigestTellsTemplatesApart) {
  ClusterRequest request = TwoZoneRequest();
  const auto digest = [&](const ClusterRequest& of) {
    return Named(Resources(of), "template-worker-b")
        .desired.at("VersionDescription")
        .get<std::string>();
  };
  const std::string before = digest(request);
  EXPECT_EQ(digest(request), before);
  request.image = "ami-2";
  EXPECT_NE(digest(request), before);
}

TEST(ClusterResourcesTest, LeadEachPortToTheControlPlanes) {
  const auto resources = Resources(TwoZoneRequest());
  EXPECT_EQ(Named(resources, "target-kubernetes").desired,
            Json({{"Name", "demo-0a1b2c3d-kubernetes"},
                  {"Protocol", "TCP"},
                  {"Port", 6443},
                  {"VpcId", "${vpc}"},
                  {"TargetType", "instance"},
                  {"HealthCheckProtocol", "HTTPS"},
                  {"HealthCheckPath", "/readyz"},
                  {"HealthCheckPort", "6443"},
                  {"HealthCheckIntervalSeconds", 10},
                  {"HealthyThresholdCount", 2},
                  {"UnhealthyThresholdCount", 2},
                  {"Attributes", {{"preserve_client_ip.enabled", "false"}}}}));
  EXPECT_EQ(Named(resources, "target-join").desired.at("HealthCheckProtocol"),
            "TCP");
  EXPECT_EQ(Named(resources, "listener-join").desired,
            Json({{"LoadBalancerArn", "${load-balancer}"},
                  {"Protocol", "TCP"},
                  {"Port", 30090},
                  {"DefaultActions",
                   Json::array({{{"Type", "forward"},
                                 {"TargetGroupArn", "${target-join}"}}})}}));
  const Json targets =
      Json::array({"${target-kubernetes}", "${target-bootstrapper}",
                   "${target-verify}", "${target-recovery}", "${target-join}"});
  EXPECT_EQ(Named(resources, "group-control-plane-default")
                .desired.at("TargetGroupARNs"),
            targets);
  EXPECT_FALSE(
      Named(resources, "group-worker-b").desired.contains("TargetGroupARNs"));
}

TEST(ClusterResourcesTest, MachinesFindThemselvesInTheirTags) {
  ClusterRequest request = TwoZoneRequest();
  request.tags = {{"team", "x"}};
  const auto tags = [&] {
    const Json data = Named(Resources(request), "template-worker-b")
                          .desired.at("LaunchTemplateData");
    std::map<std::string, std::string> out;
    for (const Json& tag : data.at("TagSpecification")[0].at("Tag")) {
      out[tag.at("Key")] = tag.at("Value");
    }
    // Volumes carry the same.
    EXPECT_EQ(data.at("TagSpecification")[0].at("Tag"),
              data.at("TagSpecification")[1].at("Tag"));
    return out;
  };
  EXPECT_EQ(tags(),
            (std::map<std::string, std::string>{
                {"Name", "demo-0a1b2c3d-worker-b"},
                {"constellation-endpoint", "${load-balancer.DNSName}"},
                {"constellation-init-secret-sha256", std::string(64, 'a')},
                {"constellation-node-group", "worker_b"},
                {"constellation-role", "worker"},
                {"constellation-uid", "0a1b2c3d"},
                {"kubernetes.io/cluster/0a1b2c3d", "owned"},
                {"team", "x"}}));
  request.custom_endpoint = "k8s.example.com";
  EXPECT_EQ(tags().at("constellation-endpoint"), "k8s.example.com");
}

TEST(ClusterResourcesTest, GroupsKeepTheirSize) {
  ClusterRequest request = TwoZoneRequest();
  request.groups[1].count = 0;
  const Json none = Named(Resources(request), "group-worker-b").desired;
  EXPECT_EQ(none.at("MinSize"), 0);
  EXPECT_EQ(none.at("DesiredCapacity"), 0);
  EXPECT_EQ(none.at("MaxSize"), 10);
  request.groups[1].count = 40;
  const Json many = Named(Resources(request), "group-worker-b").desired;
  EXPECT_EQ(many.at("MinSize"), 1);
  EXPECT_EQ(many.at("MaxSize"), 40);
  EXPECT_EQ(many.at("LaunchTemplate"),
            Json({{"LaunchTemplateId", "${template-worker-b}"},
                  {"Version", "$Default"}}));
}

TEST(ClusterResourcesTest, ProvisionedDisksGetWhatTheirSizeAllows) {
  ClusterRequest request = TwoZoneRequest();
  request.groups[1].state_disk_type = "io1";
  for (const auto& [size, operations] :
       {std::pair(4, 200), std::pair(10, 500), std::pair(1000, 3000)}) {
    request.groups[1].state_disk_size_gb = size;
    EXPECT_EQ(Named(Resources(request), "template-worker-b")
                  .desired.at("LaunchTemplateData")
                  .at("BlockDeviceMapping")[0]
                  .at("Ebs"),
              Json({{"VolumeSize", size},
                    {"VolumeType", "io1"},
                    {"Encrypted", true},
                    {"DeleteOnTermination", true},
                    {"Iops", operations}}));
  }
}

TEST(ClusterResourcesTest, PrivateSubnetsLeaveByTheirOwnGateway) {
  const auto resources = Resources(TwoZoneRequest());
  EXPECT_EQ(
      Named(resources, "routes-private-b").desired,
      Json({{"VpcId", "${vpc}"},
            {"Routes", Json::array({{{"DestinationCidrBlock", "0.0.0.0/0"},
                                     {"NatGatewayId", "${nat-b}"}}})},
            {"SubnetIds", Json::array({"${subnet-private-b}"})}}));
  EXPECT_EQ(Named(resources, "nat-b").desired,
            Json({{"SubnetId", "${subnet-public-b}"},
                  {"AllocationId", "${address-nat-b}"}}));
  EXPECT_EQ(Named(resources, "routes-public").desired.at("SubnetIds"),
            Json::array({"${subnet-public-a}", "${subnet-public-b}"}));
  EXPECT_EQ(Named(resources, "subnet-private-a")
                .tags.at("kubernetes.io/role/internal-elb"),
            "1");
  EXPECT_EQ(
      Named(resources, "subnet-public-a").tags.at("kubernetes.io/role/elb"),
      "1");
}

}  // namespace
}  // namespace constellation::cloud::aws
