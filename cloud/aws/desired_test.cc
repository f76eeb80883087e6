// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/desired.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "cloud/aws/testing/aws_request.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOk;
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

}  // namespace
}  // namespace constellation::cloud::aws
