// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/inventory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "cloud/azure/testing/azure_requests.h"
#include "cloud/engine/cloud_error.h"
#include "cloud/http/testing/routed_transport.h"
#include "common/clock.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::azure {
namespace {

using ::constellation::cloud::testing::RoutedTransport;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(InventoryTest, RefusesInstancesThatLie) {
  const json vm = {{"id", "/subscriptions/s/virtualMachines/0"},
                   {"zones", {"2"}},
                   {"properties",
                    {{"provisioningState", "Succeeded"},
                     {"osProfile", {{"computerName", "demo-00000A"}}}}}};
  const json tags = {{"constellation-uid", "u"},
                     {"constellation-role", "worker"},
                     {"constellation-node-group", "g"}};
  const json nics = json::parse(
      R"([{"properties":{"primary":true,"ipConfigurations":[{"properties":{"primary":true,"privateIPAddress":"10.0.0.4"}}]}}])");
  ASSERT_OK_AND_ASSIGN(const ScaleSetInstance good,
                       ParseInstance(vm, tags, nics));
  EXPECT_EQ(good.metadata.name, "demo-00000a");
  EXPECT_EQ(good.state, "Succeeded");
  EXPECT_EQ(good.group, "g");
  EXPECT_EQ(good.metadata.zone, "2");
  json bad = vm;
  bad["properties"]["osProfile"]["computerName"] = "$(reboot)";
  EXPECT_THAT(
      ParseInstance(bad, tags, nics),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("computerName")));
  bad = vm;
  bad["id"] = "/a?b";
  EXPECT_FALSE(ParseInstance(bad, tags, nics).ok());
  bad = tags;
  bad["constellation-role"] = "king";
  EXPECT_FALSE(ParseInstance(vm, bad, nics).ok());
  EXPECT_FALSE(ParseInstance(vm, json(), nics).ok());
  EXPECT_FALSE(ParseInstance(vm, tags, json::array()).ok());
  bad = nics;
  bad[0]["properties"]["ipConfigurations"][0]["properties"]
     ["privateIPAddress"] = "10.0.0.256";
  EXPECT_FALSE(ParseInstance(vm, tags, bad).ok());
}

const std::string kGroup = "/subscriptions/" +
                           std::string(testing::kSubscription) +
                           "/resourceGroups/rg";
const std::string kSets =
    kGroup + "/providers/Microsoft.Compute/virtualMachineScaleSets";
const std::string kNics =
    kGroup +
    "/providers/microsoft.Compute/virtualMachineScaleSets/w/networkInterfaces";
const std::string kBalancers =
    kGroup + "/providers/Microsoft.Network/loadBalancers";

class InventoryListTest : public ::testing::Test {
 protected:
  void On(const std::string& path, const json& body) {
    transport_.Reset("GET " + path);
    transport_.On("GET " + path, 200, body.dump());
  }
  static json List(json value) { return {{"value", std::move(value)}}; }
  static json Set(const std::string& id, const char* uid) {
    return {{"id", id},
            {"tags",
             {{"constellation-uid", uid},
              {"constellation-role", "worker"},
              {"constellation-node-group", "w"}}}};
  }
  static json Vm(int number, const char* state = "Succeeded") {
    return {
        {"id", VmId(number)},
        {"properties",
         {{"provisioningState", state},
          {"osProfile", {{"computerName", "demo-" + std::to_string(number)}}},
          {"instanceView",
           {{"statuses", {{{"code", "PowerState/running"}}}}}}}}};
  }
  static std::string VmId(int number) {
    return kSets + "/w/virtualMachines/" + std::to_string(number);
  }
  static json Nic(int number, const char* address) {
    const json ip = {
        {"properties", {{"primary", true}, {"privateIPAddress", address}}}};
    return {{"properties",
             {{"primary", true},
              {"virtualMachine", {{"id", Upper(VmId(number))}}},
              {"ipConfigurations", json::array({ip})}}}};
  }
  // ARM writes the same id in several ways.
  static std::string Upper(std::string id) {
    id.replace(id.find("resourceGroups"), 14, "RESOURCEGROUPS");
    return id;
  }

  const ArmScope scope_{.subscription = std::string(testing::kSubscription),
                        .resource_group = "rg"};
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  RoutedTransport transport_;
  testing::FixedTokens tokens_{"t"};
  ArmClient client_{transport_, tokens_, clock_, [] { return 0.5; }, {}};
};

TEST_F(InventoryListTest, ListsTheClustersVmsWithAddresses) {
  On(kSets,
     List(json::array({Set(kSets + "/w", "u"), Set(kSets + "/x", "other"),
                       Set("/subscriptions/evil/x", "u")})));
  On(kSets + "/w/virtualMachines",
     List(json::array({Vm(0), Vm(1, "Deleting"), Vm(2), Vm(3)})));
  On(kNics,
     List(json::array({Nic(0, "10.0.0.4"), Nic(1, "10.0.0.5"), Nic(2, "")})));
  ASSERT_OK_AND_ASSIGN(const auto found, ListInstances(client_, scope_, "u"));
  ASSERT_THAT(found, SizeIs(1)) << "without those being made or deleted";
  EXPECT_EQ(found[0].metadata.name, "demo-0");
  EXPECT_EQ(found[0].metadata.cluster_ip, "10.0.0.4");
  EXPECT_EQ(found[0].metadata.provider_id, "azure://" + VmId(0));
  EXPECT_EQ(found[0].state, "running");
  EXPECT_THAT(transport_.requests(), SizeIs(3)) << "whatever the number of VMs";
}

TEST_F(InventoryListTest, RefusesAListWithAVmThatLies) {
  On(kSets, List(json::array({Set(kSets + "/w", "u")})));
  json vm = Vm(0);
  vm["properties"]["osProfile"]["computerName"] = "$(reboot)";
  On(kSets + "/w/virtualMachines", List(json::array({vm})));
  On(kNics, List(json::array({Nic(0, "10.0.0.4")})));
  const auto found = ListInstances(client_, scope_, "u");
  EXPECT_EQ(CloudErrorKindOf(found.status()), CloudErrorKind::kInvalid);
}

TEST_F(InventoryListTest, ASetWithoutInterfacesHasNoNodesYet) {
  On(kSets, List(json::array({Set(kSets + "/w", "u")})));
  On(kSets + "/w/virtualMachines", List(json::array({Vm(0)})));
  ASSERT_OK_AND_ASSIGN(const auto found, ListInstances(client_, scope_, "u"));
  EXPECT_THAT(found, SizeIs(0));
}

TEST_F(InventoryListTest, TheBalancersAddressIsOurs) {
  const auto balancer = [](const char* name, json frontend, bool ours) {
    json tags = {{"constellation-uid", "u"}};
    if (ours) {
      tags["constellation-resource"] = "balancer";
    }
    return json{{"id", kBalancers + "/" + name},
                {"tags", tags},
                {"properties",
                 {{"frontendIPConfigurations",
                   {{{"properties", std::move(frontend)}}}}}}};
  };
  const json kubernetes =
      balancer("kubernetes", {{"privateIPAddress", "10.0.0.99"}}, false);
  On(kBalancers, List(json::array({kubernetes})));
  EXPECT_THAT(BalancerAddress(client_, scope_, "u"),
              StatusIs(absl::StatusCode::kNotFound))
      << "not one that Kubernetes made";
  On(kBalancers,
     List(json::array(
         {kubernetes,
          balancer("lb", {{"privateIPAddress", "10.0.0.9"}}, true)})));
  EXPECT_EQ(*BalancerAddress(client_, scope_, "u"), "10.0.0.9");
  On(kBalancers, List(json::array({balancer(
                     "lb", {{"publicIPAddress", {{"id", "/ip"}}}}, true)})));
  On("/ip", {{"properties", {{"ipAddress", "203.0.113.9"}}}});
  EXPECT_EQ(*BalancerAddress(client_, scope_, "u"), "203.0.113.9");
  On("/ip", {{"properties", {{"ipAddress", "203.0.113.9;reboot"}}}});
  EXPECT_THAT(BalancerAddress(client_, scope_, "u"),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace constellation::cloud::azure
