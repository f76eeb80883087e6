// SPDX-License-Identifier: Apache-2.0
// What the drivers send and believe, call by call. Whole lives are run in
// tests/integration/openstack.
#include "cloud/openstack/network_drivers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cloud/engine/cloud_error.h"
#include "cloud/openstack/names.h"
#include "cloud/openstack/testing/fake_cloud.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::openstack {
namespace {

using ::constellation::testing::IsOk;
using nlohmann::json;
using ::testing::ElementsAre;
using testing::FakeCloud;
using ::testing::IsEmpty;
using testing::OneResource;
using ::testing::SizeIs;

constexpr char kMarker[] = "constellation-uid-0a1b";

class NetworkDriversTest : public ::testing::Test {
 protected:
  ResourceDriver& Use(std::string_view kind, std::string_view name) {
    one_.resource.kind = std::string(kind);
    one_.resource.name = std::string(name);
    driver_ = MakeNetworkDriver(kind, cloud_.client);
    return *driver_;
  }
  // The methods and paths that were asked for after the login.
  std::vector<std::string> Calls() const {
    std::vector<std::string> calls;
    for (const HttpRequest& request : cloud_.transport.requests()) {
      const std::string url = request.url.substr(0, request.url.find('?'));
      if (url.find("/auth/tokens") == std::string::npos) {
        calls.push_back(request.method + " " + url.substr(url.find("/v2.0")));
      }
    }
    return calls;
  }

  FakeCloud cloud_;
  OneResource one_;
  std::unique_ptr<ResourceDriver> driver_;
};

TEST_F(NetworkDriversTest, KnowsItsKindsOnly) {
  EXPECT_EQ(MakeNetworkDriver(kKindServer, cloud_.client), nullptr);
  EXPECT_NE(MakeNetworkDriver(kKindAssociation, cloud_.client), nullptr);
}

TEST_F(NetworkDriversTest, TagsWhatItHasMade) {
  ResourceDriver& driver = Use(kKindNetwork, kNetworkName);
  one_.resource.tags = {{"team", "blue"}};
  cloud_.On("POST /v2.0/networks", {{"network", {{"id", "n"}}}}, 201);
  cloud_.On("PUT /v2.0/networks/n/tags", json::object());
  cloud_.On("GET /v2.0/networks/n",
            {{"network", {{"id", "n"}, {"tags", {kMarker, "team=blue"}}}}});
  ASSERT_OK_AND_ASSIGN(Observed made, driver.Create(one_.Context(), ""));
  EXPECT_EQ(made.state, ResourceState::kReady);
  EXPECT_EQ(cloud_.Sent("PUT /v2.0/networks/n/tags").at(0),
            json({{"tags", {kMarker, "team=blue"}}}));
  EXPECT_THAT(driver.Differs(one_.Context(), made), IsEmpty());
  one_.resource.tags = {{"team", "red"}};
  EXPECT_THAT(driver.Differs(one_.Context(), made), SizeIs(1));
}

TEST_F(NetworkDriversTest, WhatCouldNotBeTaggedIsPending) {
  ResourceDriver& driver = Use(kKindNetwork, kNetworkName);
  cloud_.On("POST /v2.0/networks", {{"network", {{"id", "n"}}}}, 201);
  ASSERT_OK_AND_ASSIGN(const Observed made, driver.Create(one_.Context(), ""));
  EXPECT_EQ(made.id, "n") << "it is there all the same";
  EXPECT_EQ(made.state, ResourceState::kPending);
  EXPECT_EQ(made.detail, "not tagged yet");
  // The next question about it tags it.
  cloud_.transport.On("GET /v2.0/networks/n", 200,
                      R"({"network":{"id":"n","tags":[]}})");
  cloud_.transport.On(
      "GET /v2.0/networks/n", 200,
      R"({"network":{"id":"n","tags":["constellation-uid-0a1b"]}})");
  cloud_.On("PUT /v2.0/networks/n/tags", json::object());
  ASSERT_OK_AND_ASSIGN(const Observed now,
                       driver.Refresh(one_.Context(), made));
  EXPECT_EQ(now.state, ResourceState::kReady);
}

TEST_F(NetworkDriversTest, AnotherAddressRangeMeansANewSubnet) {
  ResourceDriver& driver = Use(kKindSubnet, kSubnetName);
  one_.resource.desired = {{"cidr", "10.0.0.0/24"}};
  const auto changes = driver.Differs(
      one_.Context(),
      {.id = "s",
       .attributes = {{"tags", {kMarker}}, {"cidr", "10.1.0.0/24"}}});
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].attribute, "cidr");
  EXPECT_TRUE(changes[0].needs_replacement);
}

// Missing rules first: the cluster is never without a way in. Rules of others
// stay, whatever the server's filter lets through.
TEST_F(NetworkDriversTest, ChangesRulesInTheRightOrder) {
  ResourceDriver& driver = Use(kKindSecurityRules, kSecurityRulesName);
  one_.resource.desired = {
      {"group", "security-group"},
      {"rules", json::array({{{"source", "10.0.0.0/8"}, {"port", 6443}},
                             {{"source", "192.168.0.0/24"}}})}};
  one_.others["security-group"] = {.id = "g"};
  cloud_.On("GET /v2.0/security-group-rules",
            {{"security_group_rules",
              json::array({{{"id", "old"},
                            {"description", kMarker},
                            {"remote_ip_prefix", "203.0.113.0/24"},
                            {"port_range_min", 6443}},
                           {{"id", "kept"},
                            {"description", kMarker},
                            {"remote_ip_prefix", "192.168.0.0/24"},
                            {"port_range_min", nullptr}},
                           {{"id", "theirs"},
                            {"description", "somebody else's"},
                            {"remote_ip_prefix", "0.0.0.0/0"}}})}});
  cloud_.On("POST /v2.0/security-group-rules", json::object(), 201);
  cloud_.transport.On("DELETE /v2.0/security-group-rules/old", 204, "");
  ASSERT_OK_AND_ASSIGN(const auto found, driver.Find(one_.Context()));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_THAT(driver.Differs(one_.Context(), found[0]), SizeIs(1));
  ASSERT_THAT(driver.Update(one_.Context(), found[0]), IsOk());
  EXPECT_EQ(cloud_.Sent("POST /v2.0/security-group-rules").at(0),
            json::parse(R"({"security_group_rules":[{
              "security_group_id":"g","direction":"ingress","ethertype":"IPv4",
              "remote_ip_prefix":"10.0.0.0/8","protocol":"tcp",
              "port_range_min":6443,"port_range_max":6443,
              "description":"constellation-uid-0a1b"}]})"));
  EXPECT_THAT(Calls(), ElementsAre("GET /v2.0/security-group-rules",
                                   "GET /v2.0/security-group-rules",
                                   "POST /v2.0/security-group-rules",
                                   "DELETE /v2.0/security-group-rules/old",
                                   "GET /v2.0/security-group-rules"));
}

TEST_F(NetworkDriversTest, ARouterHasToLetItsPortGo) {
  ResourceDriver& driver = Use(kKindRouterInterface, kRouterInterfaceName);
  cloud_.On("GET /v2.0/ports/p",
            {{"port",
              {{"id", "p"},
               {"device_id", "r"},
               {"device_owner", "network:router_interface"}}}});
  cloud_.On("PUT /v2.0/routers/r/remove_router_interface", json::object());
  EXPECT_THAT(driver.Delete(one_.Context(), {.id = "p"}), IsOk());
  EXPECT_EQ(cloud_.Sent("PUT /v2.0/routers/r/remove_router_interface").at(0),
            json({{"port_id", "p"}}));
  EXPECT_THAT(cloud_.transport.requests("DELETE /v2.0/ports/p"), IsEmpty());
  cloud_.transport.Reset("PUT /v2.0/routers/r/remove_router_interface");
  cloud_.transport.On("DELETE /v2.0/ports/p", 204, "");
  EXPECT_THAT(driver.Delete(one_.Context(), {.id = "p"}), IsOk())
      << "the router went meanwhile";
  EXPECT_THAT(cloud_.transport.requests("DELETE /v2.0/ports/p"), SizeIs(1));
}

TEST_F(NetworkDriversTest, APortOfItsOwnIsNoRoutersPort) {
  const json ports = {
      {"ports", json::array({{{"id", "a"},
                              {"name", "demo-0a1b-router-interface"},
                              {"description", kMarker}},
                             {{"id", "b"},
                              {"name", "demo-0a1b-port-w-0"},
                              {"description", kMarker}}})}};
  cloud_.On("GET /v2.0/ports", ports);
  ASSERT_OK_AND_ASSIGN(auto strays,
                       Use(kKindPort, "port-w-0").List(one_.cluster));
  ASSERT_THAT(strays, SizeIs(1));
  EXPECT_EQ(strays[0].observed.id, "b");
  ASSERT_OK_AND_ASSIGN(
      strays,
      Use(kKindRouterInterface, kRouterInterfaceName).List(one_.cluster));
  ASSERT_THAT(strays, SizeIs(1));
  EXPECT_EQ(strays[0].observed.id, "a");
}

TEST_F(NetworkDriversTest, FindsKubernetesLeftoversByTheirWords) {
  cloud_.On(
      "GET /v2.0/security-groups",
      {{"security_groups",
        json::array({{{"id", "k"},
                      {"name", "lb-sg-x"},
                      {"description",
                       "Security Group for default/web Service LoadBalancer in "
                       "cluster constellation-0a1b"}},
                     {{"id", "o"},
                      {"name", "x"},
                      {"description",
                       "Security Group for default/web Service LoadBalancer in "
                       "cluster constellation-ffff"}}})}});
  ASSERT_OK_AND_ASSIGN(
      auto strays,
      Use(kKindSecurityGroup, kSecurityGroupName).List(one_.cluster));
  ASSERT_THAT(strays, SizeIs(1));
  EXPECT_EQ(strays[0].observed.id, "k");
  EXPECT_EQ(strays[0].name, "");
  cloud_.On("GET /v2.0/floatingips",
            {{"floatingips",
              json::array({{{"id", "k"},
                            {"description",
                             "Floating IP for Kubernetes external service "
                             "default/web from cluster constellation-0a1b"}},
                           {{"id", "o"}, {"description", "office"}}})}});
  ASSERT_OK_AND_ASSIGN(strays,
                       Use(kKindFloatingIp, kAddressName).List(one_.cluster));
  ASSERT_THAT(strays, SizeIs(1));
  EXPECT_EQ(strays[0].observed.id, "k");
}

TEST_F(NetworkDriversTest, TheAddressLeadsToTheBalancersPort) {
  ResourceDriver& driver = Use(kKindAssociation, kAssociationName);
  one_.resource.desired = {{"address", "a"}, {"target", "lb"}};
  one_.others["a"] = {.id = "f"};
  EXPECT_EQ(CloudErrorKindOf(driver.Create(one_.Context(), "").status()),
            CloudErrorKind::kNotFound)
      << "the balancer is not there yet";
  one_.others["lb"] = {.id = "lb-id", .attributes = {{"vip_port", "v"}}};
  cloud_.On("PUT /v2.0/floatingips/f", json::object());
  cloud_.On("GET /v2.0/floatingips/f",
            {{"floatingip", {{"id", "f"}, {"port_id", "v"}}}});
  ASSERT_OK_AND_ASSIGN(const Observed made, driver.Create(one_.Context(), ""));
  EXPECT_EQ(cloud_.Sent("PUT /v2.0/floatingips/f").at(0),
            json({{"floatingip", {{"port_id", "v"}}}}));
  EXPECT_THAT(driver.Differs(one_.Context(), made), IsEmpty());
  one_.others["lb"].attributes["vip_port"] = "w";
  EXPECT_THAT(driver.Differs(one_.Context(), made), SizeIs(1));
  ASSERT_THAT(driver.Delete(one_.Context(), made), IsOk());
  EXPECT_EQ(cloud_.Sent("PUT /v2.0/floatingips/f").at(1),
            json({{"floatingip", {{"port_id", nullptr}}}}));
}

TEST_F(NetworkDriversTest, ReadsNeutronsStates) {
  ResourceDriver& driver = Use(kKindNetwork, kNetworkName);
  const auto state = [&](const char* status) {
    cloud_.On(
        "GET /v2.0/networks/n",
        {{"network", {{"id", "n"}, {"status", status}, {"tags", {kMarker}}}}});
    const auto now = driver.Refresh(one_.Context(), {.id = "n"});
    return now.ok() ? now->state : ResourceState::kDeleting;
  };
  EXPECT_EQ(state("ACTIVE"), ResourceState::kReady);
  EXPECT_EQ(state("BUILD"), ResourceState::kPending);
  EXPECT_EQ(state("ERROR"), ResourceState::kFailed);
}

}  // namespace
}  // namespace constellation::cloud::openstack
