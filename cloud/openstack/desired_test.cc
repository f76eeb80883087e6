// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/desired.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "cloud/json_fields.h"
#include "cloud/openstack/names.h"
#include "cloud/openstack/testing/fake_cloud.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::openstack {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using testing::SmallRequest;

const Resource* Named(const std::vector<Resource>& plan,
                      std::string_view name) {
  const auto found = std::ranges::find(plan, name, &Resource::name);
  return found == plan.end() ? nullptr : &*found;
}

TEST(DesiredTest, IsAPlanWithEveryNodeOnce) {
  ASSERT_OK_AND_ASSIGN(const auto plan, DesiredResources(SmallRequest(), true));
  EXPECT_THAT(DependencyOrder(plan), IsOk());
  EXPECT_THAT(plan, SizeIs(7 + 2 * 5 + 4 + 1));
  EXPECT_NE(Named(plan, "node-control-plane-default-2"), nullptr);
  EXPECT_EQ(Named(plan, "node-control-plane-default-3"), nullptr);
  EXPECT_EQ(Named(plan, "node-worker-default-0")->desired["zone"], "z0");
  EXPECT_EQ(Named(plan, "node-control-plane-default-0")->desired["zone"], "z1");
}

// A server that is replaced takes what depends on it along: so nothing that
// nodes share may depend on one, and no server on another.
TEST(DesiredTest, NodesDoNotHangOnEachOther) {
  ASSERT_OK_AND_ASSIGN(const auto plan, DesiredResources(SmallRequest(), true));
  for (const Resource& resource : plan) {
    if (resource.kind == kKindServer) {
      EXPECT_LE(resource.depends_on.size(), 2);
    }
    if (resource.kind != kKindDirectory) {
      EXPECT_THAT(resource.depends_on, Not(Contains(HasSubstr("node-"))))
          << resource.name;
    }
  }
}

TEST(DesiredTest, NodesGetNoSecretAndNoUserData) {
  ASSERT_OK_AND_ASSIGN(const auto plan, DesiredResources(SmallRequest(), true));
  for (const Resource& resource : plan) {
    const std::string text = DumpJson(resource.desired);
    EXPECT_THAT(text, Not(HasSubstr("user_data")));
    EXPECT_THAT(text, Not(HasSubstr("password")));
  }
}

TEST(DesiredTest, ServersCarryTheEnrolledTpms) {
  ClusterRequest request = SmallRequest();
  request.enrolled_tpms = "[" + std::string(300, ' ') + "]";
  ASSERT_OK_AND_ASSIGN(auto plan, DesiredResources(request, true));
  const json& metadata =
      Named(plan, "node-worker-default-0")->desired["metadata"];
  EXPECT_EQ(metadata["constellation-tpm-pieces"], "2");
  EXPECT_EQ(metadata["constellation-tpms-0"].get<std::string>() +
                metadata["constellation-tpms-1"].get<std::string>(),
            request.enrolled_tpms);
  request.enrolled_tpms = "[" + std::string(96 * 255 - 2, ' ') + "]";
  EXPECT_THAT(DesiredResources(request, true), IsOk());
  request.enrolled_tpms.insert(1, " ");
  EXPECT_THAT(DesiredResources(request, true),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("enrolledTPMs: more than fit")));
}

TEST(DesiredTest, OnlyTheEndpointsPortsAreOpenAndOnlyToTheSources) {
  ASSERT_OK_AND_ASSIGN(auto plan, DesiredResources(SmallRequest(), true));
  const auto rules = Named(plan, kSecurityRulesName)->desired["rules"];
  std::vector<int> ports;
  for (const json& rule : rules) {
    if (rule.contains("port")) {
      EXPECT_EQ(rule["source"], "198.51.100.7/32");
      ports.push_back(rule["port"]);
    } else {
      EXPECT_EQ(rule["source"], "192.168.178.0/24");
    }
  }
  EXPECT_THAT(ports, ::testing::UnorderedElementsAre(6443, 9000, 9999, 30081));
  const json listeners = Named(plan, kListenersName)->desired["listeners"];
  EXPECT_THAT(listeners, SizeIs(5));
  for (const json& listener : listeners) {
    EXPECT_EQ(listener["sources"].size(), listener["name"] == "join" ? 1 : 2);
  }
  ClusterRequest debug = SmallRequest();
  debug.debug = true;
  ASSERT_OK_AND_ASSIGN(plan, DesiredResources(debug, true));
  EXPECT_THAT(DumpJson(Named(plan, kSecurityRulesName)->desired),
              HasSubstr("4000"));
}

TEST(DesiredTest, ListsEveryMistake) {
  ClusterRequest request = SmallRequest();
  request.image = "";
  request.node_cidr = "10.0.0.1/24";
  request.allowed_sources = {"2001:db8::/32"};
  request.tags = {{"a/b", "c"}};
  request.groups[0].count = 0;
  request.groups[0].instance_type = "";
  request.groups[1].name = "worker_" + std::string(60, 'x');
  request.groups[1].state_disk_size_gb = 0;
  request.settings = OpenStackSettings{};
  const absl::Status status = DesiredResources(request, true).status();
  for (const char* mistake :
       {"image: missing", "node_cidr", "floatingIPPoolID", "IPv4 networks",
        "tags: \"a/b\"", "no control-plane node", "instanceType: missing",
        "no host name", "stateDiskSizeGB: want 1"}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr(mistake)));
  }
  request = SmallRequest();
  request.groups.push_back(request.groups[1]);
  request.groups[2].name = "worker-default";
  EXPECT_THAT(
      DesiredResources(request, true),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'_' and '-'")));
}

TEST(DesiredTest, BoundsWhatCloudsWouldRefuseLate) {
  struct Wrong {
    const char* words;
    std::function<void(ClusterRequest&)> spoil;
  };
  const std::vector<Wrong> wrongs = {
      {"node_cidr: want", [](auto& r) { r.node_cidr = "10.0.0.0/26"; }},
      {"node_cidr: want", [](auto& r) { r.node_cidr = "10.0.0.0/7"; }},
      {"initialCount: want 0 to 500", [](auto& r) { r.groups[1].count = 501; }},
      {"initialCount: want 0 to 500", [](auto& r) { r.groups[1].count = -1; }},
      {"stateDiskSizeGB: want 1 to 65536",
       [](auto& r) { r.groups[1].state_disk_size_gb = 65537; }},
      {"tags: \"k\"", [](auto& r) { r.tags["k"] = std::string(59, 'v'); }},
      {"tags: \"k\"", [](auto& r) { r.tags["k"] = "a,b"; }},
      {"allowed sources: missing", [](auto& r) { r.allowed_sources.clear(); }},
  };
  for (const Wrong& wrong : wrongs) {
    ClusterRequest request = SmallRequest();
    wrong.spoil(request);
    EXPECT_THAT(
        DesiredResources(request, true),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(wrong.words)));
  }
  ClusterRequest fits = SmallRequest();
  fits.tags["k"] = std::string(58, 'v');
  EXPECT_THAT(DesiredResources(fits, true), IsOk());
  fits.settings = AzureSettings{};
  EXPECT_THAT(DesiredResources(fits, true),
              StatusIs(absl::StatusCode::kInternal));
}

TEST(DesiredTest, TheEndpointHasTheTenthAddress) {
  EXPECT_EQ(EndpointAddress("10.1.0.0/16"), "10.1.0.10");
  EXPECT_EQ(EndpointAddress("10.1.0.1/16"), "");
  ASSERT_OK_AND_ASSIGN(const auto plan,
                       DesiredResources(SmallRequest(), false));
  EXPECT_EQ(Named(plan, "port-control-plane-default-0")->desired["address"],
            "192.168.178.10");
  EXPECT_FALSE(
      Named(plan, "port-control-plane-default-1")->desired.contains("address"));
  EXPECT_EQ(Named(plan, kLoadBalancerName), nullptr);
}

}  // namespace
}  // namespace constellation::cloud::openstack
