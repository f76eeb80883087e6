// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/balancer_drivers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "cloud/engine/cloud_error.h"
#include "cloud/openstack/names.h"
#include "cloud/openstack/testing/fake_cloud.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::openstack {
namespace {

using ::constellation::testing::IsOk;
using nlohmann::json;
using testing::FakeCloud;
using ::testing::IsEmpty;
using testing::OneResource;
using ::testing::SizeIs;

class BalancerDriversTest : public ::testing::Test {
 protected:
  ResourceDriver& Use(std::string_view kind, std::string_view name) {
    one_.resource.kind = std::string(kind);
    one_.resource.name = std::string(name);
    driver_ = MakeBalancerDriver(kind, cloud_.client);
    return *driver_;
  }

  FakeCloud cloud_;
  OneResource one_;
  std::unique_ptr<ResourceDriver> driver_;
};

TEST_F(BalancerDriversTest, KnowsItsKindsOnly) {
  EXPECT_EQ(MakeBalancerDriver(kKindServer, cloud_.client), nullptr);
}

TEST_F(BalancerDriversTest, WithoutOctaviaThereIsNothing) {
  cloud_.SetCatalog(json::array());
  ResourceDriver& driver = Use(kKindLoadBalancer, kLoadBalancerName);
  ASSERT_OK_AND_ASSIGN(const auto found, driver.Find(one_.Context()));
  EXPECT_THAT(found, IsEmpty());
  ASSERT_OK_AND_ASSIGN(const auto strays, driver.List(one_.cluster));
  EXPECT_THAT(strays, IsEmpty());
}

TEST_F(BalancerDriversTest, SweepsOursAndKubernetes) {
  ResourceDriver& driver = Use(kKindLoadBalancer, kLoadBalancerName);
  cloud_.On(
      "GET /v2/lbaas/loadbalancers",
      {{"loadbalancers",
        json::array(
            {{{"id", "a"},
              {"name", "demo-0a1b-load-balancer"},
              {"tags", {"constellation-uid-0a1b"}}},
             {{"id", "k"}, {"name", "kube_service_constellation-0a1b_d_web"}},
             {{"id", "o"}, {"name", "kube_service_constellation-0a1bc_d_web"}},
             {{"id", "p"}, {"name", "demo-0a1b-load-balancer"}}})}});
  ASSERT_OK_AND_ASSIGN(const auto strays, driver.List(one_.cluster));
  ASSERT_THAT(strays, SizeIs(2));
  EXPECT_EQ(strays[0].name, kLoadBalancerName);
  EXPECT_EQ(strays[1].observed.id, "k");
}

TEST_F(BalancerDriversTest, ASecondDeletionIsNoError) {
  ResourceDriver& driver = Use(kKindLoadBalancer, kLoadBalancerName);
  cloud_.On("DELETE /v2/lbaas/loadbalancers/a",
            {{"faultstring", "Load Balancer a is immutable"}}, 409);
  cloud_.On("GET /v2/lbaas/loadbalancers/a",
            {{"loadbalancer",
              {{"id", "a"}, {"provisioning_status", "PENDING_DELETE"}}}});
  EXPECT_THAT(driver.Delete(one_.Context(), {.id = "a"}), IsOk());
  EXPECT_TRUE(cloud_.transport.requests("DELETE /v2/lbaas/loadbalancers/a")
                  .at(0)
                  .url.ends_with("?cascade=true"));
  cloud_.On("GET /v2/lbaas/loadbalancers/a",
            {{"loadbalancer",
              {{"id", "a"}, {"provisioning_status", "PENDING_UPDATE"}}}});
  EXPECT_EQ(CloudErrorKindOf(driver.Delete(one_.Context(), {.id = "a"})),
            CloudErrorKind::kConflict);
}

class ListenersTest : public BalancerDriversTest {
 protected:
  ListenersTest() {
    one_.resource.desired = {
        {"balancer", "lb"},
        {"subnet", "net"},
        {"ports", {"port-c-0"}},
        {"listeners", json::array({{{"name", "kubernetes"},
                                    {"port", 6443},
                                    {"sources", {"10.0.0.0/8"}}}})}};
    one_.others["lb"] = {.id = "b"};
    one_.others["net"] = {.id = "n"};
    one_.others["port-c-0"] = {.id = "p",
                               .attributes = {{"address", "10.0.0.7"}}};
    for (const char* what : {"listeners", "pools", "healthmonitors"}) {
      cloud_.On(std::string("POST /v2/lbaas/") + what, json::object(), 201);
    }
    cloud_.On("PUT /v2/lbaas/pools/pool/members", json::object(), 202);
  }
  // The balancer's next condition: how far its one listener has got, 0 to 4.
  void Next(int steps, const char* state = "ACTIVE") {
    json listeners = json::array();
    json tree = {{"provisioning_status", state}, {"listeners", json::array()}};
    if (steps > 0) {
      listeners.push_back({{"id", "l"},
                           {"name", "kubernetes"},
                           {"allowed_cidrs", {"10.0.0.0/8"}}});
      json pool = {{"id", "pool"}};
      if (steps > 2) {
        pool["health_monitor"] = {{"id", "m"}};
      }
      if (steps > 3) {
        pool["members"] =
            json::array({{{"name", "port-c-0"}, {"address", "10.0.0.7"}}});
      }
      json listener = {{"id", "l"}, {"name", "kubernetes"}};
      if (steps > 1) {
        listener["pools"] = json::array({pool});
      }
      tree["listeners"].push_back(listener);
    }
    cloud_.transport.On("GET /v2/lbaas/listeners", 200,
                        json{{"listeners", listeners}}.dump());
    cloud_.transport.On("GET /v2/lbaas/loadbalancers/b/status", 200,
                        json{{"statuses", {{"loadbalancer", tree}}}}.dump());
  }
};

TEST_F(ListenersTest, AreMadeStepByStep) {
  ResourceDriver& driver = Use(kKindListeners, kListenersName);
  for (int step = 0; step <= 4; ++step) {
    Next(step, "PENDING_UPDATE");  // octavia is busy after each change
    Next(step);
  }
  ASSERT_OK_AND_ASSIGN(const Observed made, driver.Create(one_.Context(), ""));
  EXPECT_THAT(driver.Differs(one_.Context(), made), IsEmpty());
  EXPECT_THAT(cloud_.Sent("POST /v2/lbaas/listeners"), SizeIs(1));
  EXPECT_EQ(cloud_.Sent("POST /v2/lbaas/pools").at(0)["pool"]["listener_id"],
            "l");
  EXPECT_EQ(cloud_.Sent("POST /v2/lbaas/healthmonitors")
                .at(0)["healthmonitor"]["pool_id"],
            "pool");
  EXPECT_EQ(cloud_.Sent("PUT /v2/lbaas/pools/pool/members").at(0),
            json({{"members", json::array({{{"name", "port-c-0"},
                                            {"address", "10.0.0.7"},
                                            {"protocol_port", 6443},
                                            {"subnet_id", "n"}}})}}));
}

TEST_F(ListenersTest, WaitNoLongerThanTwoMinutes) {
  ResourceDriver& driver = Use(kKindListeners, kListenersName);
  Next(0, "PENDING_UPDATE");
  const absl::Time start = cloud_.clock.Now();
  EXPECT_EQ(CloudErrorKindOf(driver.Create(one_.Context(), "").status()),
            CloudErrorKind::kConflict);
  EXPECT_LE(cloud_.clock.Now() - start, absl::Minutes(3));
  EXPECT_THAT(cloud_.Sent("POST /v2/lbaas/listeners"), IsEmpty());
}

TEST_F(ListenersTest, AFailedBalancerIsReported) {
  ResourceDriver& driver = Use(kKindListeners, kListenersName);
  Next(0, "ERROR");
  ASSERT_OK_AND_ASSIGN(const Observed made, driver.Create(one_.Context(), ""));
  EXPECT_EQ(made.state, ResourceState::kFailed);
}

TEST_F(ListenersTest, MakeDoWithoutWhatAProviderLacks) {
  ResourceDriver& driver = Use(kKindListeners, kListenersName);
  Next(0);
  Next(1);
  Next(4);
  const json refusal = {{"faultstring", "Provider 'ovn' does not support it"}};
  for (const char* what : {"listeners", "pools"}) {
    const std::string route = std::string("POST /v2/lbaas/") + what;
    cloud_.transport.Reset(route);
    cloud_.transport.On(route, 501, refusal.dump());
    cloud_.transport.On(route, 201, "{}");
  }
  ASSERT_THAT(driver.Create(one_.Context(), ""), IsOk());
  const json listeners = cloud_.Sent("POST /v2/lbaas/listeners");
  ASSERT_THAT(listeners, SizeIs(2));
  EXPECT_TRUE(listeners[0]["listener"].contains("allowed_cidrs"));
  EXPECT_FALSE(listeners[1]["listener"].contains("allowed_cidrs"));
  const json pools = cloud_.Sent("POST /v2/lbaas/pools");
  ASSERT_THAT(pools, SizeIs(2));
  EXPECT_EQ(pools[1]["pool"]["lb_algorithm"], "SOURCE_IP_PORT");
}

TEST_F(ListenersTest, NoticeOtherMembersAndSources) {
  ResourceDriver& driver = Use(kKindListeners, kListenersName);
  Next(4);
  ASSERT_OK_AND_ASSIGN(const auto found, driver.Find(one_.Context()));
  ASSERT_THAT(found, SizeIs(1));
  one_.others["port-c-0"].attributes["address"] = "10.0.0.8";
  one_.resource.desired["listeners"][0]["sources"] = {"10.0.0.0/8",
                                                      "1.2.3.4/32"};
  const auto changes = driver.Differs(one_.Context(), found[0]);
  ASSERT_THAT(changes, SizeIs(2));
  EXPECT_EQ(changes[0].attribute, "sources of kubernetes");
  EXPECT_EQ(changes[1].attribute, "members of kubernetes");
  EXPECT_EQ(CloudErrorKindOf(driver.Delete(one_.Context(), found[0])),
            CloudErrorKind::kNotFound)
      << "they go with the balancer";
}

}  // namespace
}  // namespace constellation::cloud::openstack
