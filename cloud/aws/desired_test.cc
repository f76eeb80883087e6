// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/desired.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "cloud/aws/desired_checks.h"
#include "cloud/aws/names.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

ClusterRequest Request() {
  return {.identity = {.uid = "0a1b2c3d", .name = "demo", .cloud = "aws"},
          .attestation_variant = "aws-sev-snp",
          .image = "ami-1",
          .groups = {{.name = "control_plane_default",
                      .role = NodeRole::kControlPlane,
                      .instance_type = "m6a.xlarge",
                      .state_disk_type = "gp3",
                      .count = 3},
                     {.name = "worker_b",
                      .role = NodeRole::kWorker,
                      .zone = "eu-west-1b",
                      .instance_type = "c6a.xlarge",
                      .state_disk_type = "gp3",
                      .count = 2}},
          .allowed_sources = {"203.0.113.7/32"},
          .init_secret_sha256 = std::string(64, 'a'),
          .settings = AwsSettings{.region = "eu-west-1",
                                  .zone = "eu-west-1a",
                                  .iam_profile_control_plane = "cp",
                                  .iam_profile_worker_nodes = "worker"}};
}

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
    ClusterRequest request = Request();
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
  const auto resources = Resources(Request());
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
  const auto resources = Resources(Request());
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
  ClusterRequest request = Request();
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
  ClusterRequest request = Request();
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
  ClusterRequest request = Request();
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

TEST(CheckRequestTest, ListsEveryMistake) {
  ClusterRequest request = Request();
  request.image = "x";
  request.identity.name = "much-too-long";
  request.groups[0].zone = "us-east-1a";
  request.groups[1].state_disk_type = "floppy";
  request.allowed_sources = {"::/0"};
  EXPECT_THAT(CheckRequest(request),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("image: want"), HasSubstr("name: want"),
                             HasSubstr("nodeGroups.control_plane_default.zone"),
                             HasSubstr("nodeGroups.worker_b.stateDiskType"),
                             HasSubstr("allowedSources"))));
}

TEST(CheckRequestTest, OneMutationPerCheck) {
  const std::vector<
      std::pair<const char*, std::function<void(ClusterRequest&)>>>
      mutations = {
          {"name", [](auto& r) { r.identity.name = "Demo"; }},
          {"name", [](auto& r) { r.identity.uid = ""; }},
          {"region",
           [](auto& r) { std::get<AwsSettings>(r.settings).region = ""; }},
          {"attestation", [](auto& r) { r.attestation_variant = "aws-tdx"; }},
          {"iamProfileControlPlane",
           [](auto& r) {
             std::get<AwsSettings>(r.settings).iam_profile_control_plane = "";
           }},
          {"iamProfileWorkerNodes",
           [](auto& r) {
             std::get<AwsSettings>(r.settings).iam_profile_worker_nodes = "";
           }},
          {"init secret", [](auto& r) { r.init_secret_sha256 = "abc"; }},
          {"control planes", [](auto& r) { r.groups.erase(r.groups.begin()); }},
          {"of its own",
           [](auto& r) { r.groups[1].name = "control-plane-default"; }},
          {"initialCount", [](auto& r) { r.groups[0].count = 0; }},
          {"initialCount", [](auto& r) { r.groups[1].count = 1001; }},
          {"stateDiskSizeGB",
           [](auto& r) { r.groups[0].state_disk_size_gb = 0; }},
          {"125-16384", [](auto& r) { r.groups[0].state_disk_type = "st1"; }},
          {"instanceType", [](auto& r) { r.groups[0].instance_type = "m6a"; }},
          {"allowedSources", [](auto& r) { r.allowed_sources.clear(); }},
          {"allowedSources",
           [](auto& r) { r.allowed_sources = {"10.0.0.1/24"}; }},
          {"allowedSources",
           [](auto& r) { r.allowed_sources = {"010.0.0.0/24"}; }},
          {"at most 60",
           [](auto& r) {
             for (int i = 0; i < 12; ++i) {
               r.allowed_sources.push_back("10.0." + std::to_string(i) +
                                           ".0/24");
             }
           }},
          {"tags", [](auto& r) { r.tags["aws:x"] = "y"; }},
          {"tags", [](auto& r) { r.tags["constellation-uid"] = "y"; }},
          {"settings", [](auto& r) { r.settings = GcpSettings{}; }},
      };
  EXPECT_THAT(CheckRequest(Request()), IsOk());
  for (const auto& [field, mutate] : mutations) {
    ClusterRequest request = Request();
    mutate(request);
    EXPECT_THAT(CheckRequest(request),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(field)));
  }
}

TEST(PlanNetworkTest, RefusesWhatDoesNotFit) {
  EXPECT_THAT(PlanNetwork("10.20.32.0/24", {"eu-west-1a"}), IsOk());
  for (const char* cidr : {"", "192.168.178.0/23", "192.168.178.1/24",
                           "8.8.8.0/24", "192.168.15.0/24", "x/24"}) {
    EXPECT_THAT(PlanNetwork(cidr, {"eu-west-1a"}),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << cidr;
  }
  EXPECT_THAT(
      PlanNetwork("192.168.191.0/24", {"eu-west-1b"}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("leaves no /24")));
}

TEST(IamResourcesTest, AreNarrow) {
  const ClusterIdentity identity{.uid = "0a1b2c3d", .name = "demo"};
  const auto resources = IamResources(identity, "eu-west-1", {});
  ASSERT_THAT(resources, IsOk());
  EXPECT_THAT(DependencyOrder(*resources), IsOk());
  const auto& worker = Named(*resources, "role-worker").desired;
  EXPECT_EQ(worker.at("Policies").size(), 1U);
  EXPECT_THAT(worker.at("Policies").dump(), Not(HasSubstr(":*")));
  // Inline policies of a role: 10,240 characters (IAM quotas).
  EXPECT_LT(Named(*resources, "role-control-plane")
                .desired.at("Policies")
                .dump()
                .size(),
            10'240U);
  EXPECT_THAT(IamResources(identity, "eu-west-1", {{"x", "y"}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(IamResources({.uid = "", .name = "x"}, "eu-west-1", {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(IamResources(identity, "", {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace constellation::cloud::aws
