// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/desired.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "cloud/azure/testing/azure_requests.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::azure {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::SizeIs;
using testing::SmallRequest;

const Resource& Named(const std::vector<Resource>& all, std::string_view name) {
  for (const Resource& resource : all) {
    if (resource.name == name) {
      return resource;
    }
  }
  ADD_FAILURE() << "no resource " << name;
  return all.front();
}

TEST(DesiredTest, FormsAPlan) {
  ASSERT_OK_AND_ASSIGN(const std::vector<Resource> all,
                       DesiredCluster(SmallRequest()));
  EXPECT_THAT(all, SizeIs(8));
  EXPECT_THAT(DependencyOrder(all), IsOk());
  for (const Resource& resource : all) {
    const json& tags = resource.desired["body"]["tags"];
    EXPECT_EQ(tags["constellation-uid"], "0a1b2c3d") << resource.name;
    EXPECT_EQ(tags["constellation-resource"], resource.name);
    EXPECT_EQ(tags["team"], "blue");
    EXPECT_THAT(std::string(resource.desired["id"]),
                HasSubstr("demo-0a1b2c3d"));
  }
  const Resource& workers = Named(all, "group-worker-default");
  EXPECT_THAT(workers.tags, Contains(Pair("constellation-role", "worker")));
  EXPECT_THAT(workers.tags,
              Contains(Pair("constellation-node-group", "worker_default")));
  EXPECT_THAT(workers.depends_on, ElementsAre("network", "security-group"));
}

TEST(DesiredTest, IsPure) {
  ASSERT_OK_AND_ASSIGN(const auto a, DesiredCluster(SmallRequest()));
  ASSERT_OK_AND_ASSIGN(const auto b, DesiredCluster(SmallRequest()));
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].desired, b[i].desired);
  }
}

TEST(DesiredTest, InternalBalancerHasNoPublicAddress) {
  ClusterRequest request = SmallRequest();
  request.internal_load_balancer = true;
  ASSERT_OK_AND_ASSIGN(const auto all, DesiredCluster(request));
  EXPECT_THAT(all, SizeIs(7));
  const Resource& balancer = Named(all, "balancer");
  EXPECT_THAT(balancer.depends_on, ElementsAre("network"));
  EXPECT_EQ(balancer.desired.dump().find("publicIPAddress"), std::string::npos);
}

TEST(DesiredTest, ListsEveryWrongField) {
  struct Wrong {
    const char* field;
    std::function<void(ClusterRequest&)> spoil;
  };
  const auto settings = [](ClusterRequest& request) -> AzureSettings& {
    return std::get<AzureSettings>(request.settings);
  };
  const std::vector<Wrong> wrongs = {
      {"provider.azure.subscription",
       [&](auto& r) { settings(r).subscription = "x"; }},
      {"provider.azure.tenant", [&](auto& r) { settings(r).tenant = "x"; }},
      {"provider.azure.location",
       [&](auto& r) { settings(r).location = "North Europe"; }},
      {"provider.azure.resourceGroup",
       [&](auto& r) { settings(r).resource_group = "a/b"; }},
      {"provider.azure.userAssignedIdentity",
       [&](auto& r) { settings(r).user_assigned_identity = "nodes"; }},
      {"attestation", [](auto& r) { r.attestation_variant = "gcp-tdx"; }},
      {"uid", [](auto& r) { r.identity.uid = "A-B"; }},
      {"name", [](auto& r) { r.identity.name = "1demo"; }},
      {"image", [](auto& r) { r.image = "/subscriptions/x/images/y"; }},
      {"nodeCIDR", [](auto& r) { r.node_cidr = "10.0.0.0"; }},
      {"allowedSources", [](auto& r) { r.allowed_sources.clear(); }},
      {"allowedSources", [](auto& r) { r.allowed_sources = {"256.0.0.0/8"}; }},
      {"allowedSources", [](auto& r) { r.allowed_sources = {"1.2.3.4/33"}; }},
      {"initSecret", [](auto& r) { r.init_secret_sha256 = "A"; }},
      {"nodeGroups", [](auto& r) { r.groups.erase(r.groups.begin()); }},
      {"nodeGroups",
       [](auto& r) {
         r.groups.push_back(r.groups[1]);
         r.groups.back().name = "worker-default";
       }},
      {"nodeGroups.worker_default",
       [](auto& r) { r.identity.name = std::string(40, 'a'); }},
      {"nodeGroups.worker_default.zone",
       [](auto& r) { r.groups[1].zone = "4"; }},
      {"nodeGroups.worker_default.instanceType",
       [](auto& r) { r.groups[1].instance_type = "m6a.xlarge"; }},
      {"nodeGroups.worker_default.stateDiskType",
       [](auto& r) { r.groups[1].state_disk_type = "gp3"; }},
      {"nodeGroups.worker_default.stateDiskSizeGB",
       [](auto& r) { r.groups[1].state_disk_size_gb = 0; }},
      {"nodeGroups.worker_default.initialCount",
       [](auto& r) { r.groups[1].count = 101; }},
      {"nodeGroups.control_plane_default.initialCount",
       [](auto& r) { r.groups[0].count = 0; }},
      {"tags", [](auto& r) { r.tags["a/b"] = "c"; }},
      {"tags", [](auto& r) { r.tags["Constellation-uid"] = "c"; }},
      {"tags.x", [](auto& r) { r.tags["x"] = std::string(257, 'a'); }},
  };
  ClusterRequest all = SmallRequest();
  for (const Wrong& wrong : wrongs) {
    ClusterRequest request = SmallRequest();
    wrong.spoil(request);
    EXPECT_THAT(CheckRequest(request),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(std::string(wrong.field) + ": want")));
  }
  std::get<AzureSettings>(all.settings).tenant = "x";
  all.node_cidr = "y";
  EXPECT_THAT(
      CheckRequest(all),
      StatusIs(absl::StatusCode::kInvalidArgument,
               ::testing::AllOf(HasSubstr("tenant"), HasSubstr("nodeCIDR"))));
}

TEST(DesiredTest, InfrastructureComesFromOutputs) {
  ClusterRequest request = SmallRequest();
  request.custom_endpoint = "k8s.example.org";
  std::map<std::string, Observed> outputs;
  EXPECT_THAT(InfrastructureOf(request, outputs),
              StatusIs(absl::StatusCode::kNotFound));
  outputs["balancer-ip"].attributes = {
      {"properties",
       {{"ipAddress", "203.0.113.9"},
        {"dnsSettings", {{"fqdn", "demo.northeurope.example"}}}}}};
  outputs["group-worker-default"].attributes = {
      {"identity",
       {{"userAssignedIdentities",
         {{"/x", {{"clientId", "00000000-0000-4000-8000-00000000000c"}}}}}}}};
  ASSERT_OK_AND_ASSIGN(const ClusterInfrastructure found,
                       InfrastructureOf(request, outputs));
  EXPECT_EQ(found.cluster_endpoint, "k8s.example.org");
  EXPECT_EQ(found.in_cluster_endpoint, "203.0.113.9");
  EXPECT_THAT(found.api_server_cert_sans,
              ElementsAre("203.0.113.9", "demo.northeurope.example",
                          "k8s.example.org"));
  EXPECT_THAT(found.details,
              Contains(Pair("userAssignedIdentity",
                            "00000000-0000-4000-8000-00000000000c")));
  outputs["balancer-ip"].attributes["properties"]["ipAddress"] = "$(reboot)";
  EXPECT_THAT(InfrastructureOf(request, outputs),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace constellation::cloud::azure
