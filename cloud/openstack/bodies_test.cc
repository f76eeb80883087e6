// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/bodies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cloud/engine/cloud_error.h"
#include "cloud/openstack/desired.h"
#include "cloud/openstack/names.h"
#include "cloud/openstack/testing/fake_cloud.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::openstack {
namespace {

using nlohmann::json;
using ::testing::SizeIs;
using testing::SmallRequest;

const Resource* Named(const std::vector<Resource>& plan,
                      std::string_view name) {
  const auto found = std::ranges::find(plan, name, &Resource::name);
  return found == plan.end() ? nullptr : &*found;
}

class BodiesTest : public ::testing::Test {
 protected:
  // Every dependency is there, its id is its name.
  absl::StatusOr<json> Body(const std::vector<Resource>& plan,
                            std::string_view name) {
    for (const Resource& resource : plan) {
      made_[resource.name] = {.id = "id-" + resource.name,
                              .attributes = {{"address", "192.168.178.70"}}};
    }
    const Resource& resource = *Named(plan, name);
    const DriverContext context{
        .cluster = request_.identity,
        .resource = resource,
        .known_id = "",
        .dependency = [this](std::string_view wanted) -> const Observed* {
          const auto found = made_.find(wanted);
          return found == made_.end() || hidden_ ? nullptr : &found->second;
        },
        .stop = {}};
    if (resource.kind == kKindServer) {
      return ServerBody(context, {.flavor_id = "f", .boot_volume_gb = 7});
    }
    if (resource.kind == kKindLoadBalancer) {
      return LoadBalancerBody(context);
    }
    return NetworkBody(context);
  }

  ClusterRequest request_ = SmallRequest();
  std::map<std::string, Observed, std::less<>> made_;
  bool hidden_ = false;
};

TEST_F(BodiesTest, MakesNetworksThatAreFoundAgain) {
  ASSERT_OK_AND_ASSIGN(const auto plan, DesiredResources(request_, true));
  ASSERT_OK_AND_ASSIGN(json body, Body(plan, kNetworkName));
  EXPECT_EQ(body, json::parse(R"({"network":{"name":"demo-0a1b-network",
      "description":"constellation-uid-0a1b"}})"));
  ASSERT_OK_AND_ASSIGN(body, Body(plan, kSubnetName));
  EXPECT_EQ(body["subnet"]["network_id"], "id-network");
  EXPECT_EQ(body["subnet"]["gateway_ip"], "192.168.178.1");
  EXPECT_EQ(
      body["subnet"]["allocation_pools"],
      json::parse(R"([{"start":"192.168.178.64","end":"192.168.178.254"}])"));
  ASSERT_OK_AND_ASSIGN(body, Body(plan, kRouterInterfaceName));
  EXPECT_EQ(body["port"]["fixed_ips"],
            json::parse(
                R"([{"subnet_id":"id-subnet","ip_address":"192.168.178.1"}])"));
  EXPECT_FALSE(body["port"].contains("security_groups"));
  ASSERT_OK_AND_ASSIGN(body, Body(plan, "port-worker-default-1"));
  EXPECT_EQ(body["port"]["security_groups"], json{"id-security-group"});
}

TEST_F(BodiesTest, MakesServersThatKnowThemselves) {
  ASSERT_OK_AND_ASSIGN(const auto plan, DesiredResources(request_, true));
  ASSERT_OK_AND_ASSIGN(json body, Body(plan, "node-control-plane-default-0"));
  EXPECT_EQ(body["os:scheduler_hints"]["group"], "id-control-planes");
  const json& server = body["server"];
  EXPECT_EQ(server["name"], "demo-0a1b-node-control-plane-default-0");
  EXPECT_EQ(server["networks"],
            json::parse(R"([{"port":"id-port-control-plane-default-0"}])"));
  EXPECT_EQ(server["metadata"]["constellation-node-ip"], "192.168.178.70");
  EXPECT_EQ(server["metadata"]["constellation-endpoint"],
            "192.168.178.10:6443");
  EXPECT_EQ(server["block_device_mapping_v2"][0]["volume_size"], 7);
  EXPECT_EQ(server["block_device_mapping_v2"][1]["tag"], "state-disk");
  EXPECT_FALSE(server["block_device_mapping_v2"][1].contains("volume_type"));
  EXPECT_EQ(server["tags"], json{"constellation-uid-0a1b"});
  ASSERT_OK_AND_ASSIGN(body, Body(plan, "node-worker-default-0"));
  EXPECT_FALSE(body.contains("os:scheduler_hints"));
  EXPECT_EQ(body["server"]["block_device_mapping_v2"][1]["volume_type"],
            "fast");
}

TEST_F(BodiesTest, MakesBalancersInSteps) {
  ASSERT_OK_AND_ASSIGN(const auto plan, DesiredResources(request_, true));
  ASSERT_OK_AND_ASSIGN(const json body, Body(plan, kLoadBalancerName));
  EXPECT_EQ(body["loadbalancer"]["vip_address"], "192.168.178.10");
  EXPECT_FALSE(body["loadbalancer"].contains("listeners"));
  const json wanted = Named(plan, kListenersName)->desired["listeners"][0];
  json listener = ListenerBody(wanted, "lb", true)["listener"];
  EXPECT_EQ(listener["protocol_port"], 6443);
  EXPECT_THAT(listener["allowed_cidrs"], SizeIs(2));
  EXPECT_EQ(listener["timeout_client_data"], 3600000);
  listener = ListenerBody(wanted, "lb", false)["listener"];
  EXPECT_FALSE(listener.contains("allowed_cidrs"));
  EXPECT_EQ(PoolBody("a", "l", "ROUND_ROBIN")["pool"]["listener_id"], "l");
  EXPECT_EQ(MonitorBody("a", "p")["healthmonitor"]["type"], "TCP");
}

TEST_F(BodiesTest, WaitsForDependenciesThatAreNotThere) {
  ASSERT_OK_AND_ASSIGN(const auto plan, DesiredResources(request_, true));
  hidden_ = true;
  for (const std::string_view name :
       {kSubnetName, kRouterInterfaceName, kLoadBalancerName,
        std::string_view("port-worker-default-0"),
        std::string_view("node-worker-default-0")}) {
    EXPECT_EQ(CloudErrorKindOf(Body(plan, name).status()),
              CloudErrorKind::kNotFound)
        << name;
  }
}

}  // namespace
}  // namespace constellation::cloud::openstack
