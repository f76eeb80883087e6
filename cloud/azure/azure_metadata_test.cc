// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/azure_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "cloud/azure/inventory.h"
#include "cloud/azure/wireserver.h"
#include "cloud/http/testing/scripted_transport.h"
#include "common/clock.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::azure {
namespace {

using ::constellation::cloud::testing::ScriptedTransport;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::SizeIs;

json GoodInstance() {
  return json::parse(R"({
    "compute": {
      "subscriptionId": "00000000-0000-4000-8000-000000000001",
      "resourceGroupName": "rg", "zone": "1", "vmScaleSetName": "demo",
      "resourceId": "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/demo/virtualMachines/0",
      "osProfile": {"computerName": "demo-0a1b2c3d-cp-00000A"},
      "tagsList": [{"name": "constellation-uid", "value": "0a1b2c3d"},
                   {"name": "constellation-role", "value": "control-plane"},
                   {"name": "other", "value": "x"}]},
    "network": {"interface": [{"ipv4": {
      "ipAddress": [{"privateIpAddress": "192.168.178.5"}],
      "subnet": [{"address": "192.168.178.0", "prefix": "24"}]}}]}})");
}

TEST(InstanceMetadataTest, ReadsWhatAzureSays) {
  ASSERT_OK_AND_ASSIGN(const OwnInstance own,
                       ParseInstanceMetadata(GoodInstance().dump()));
  EXPECT_EQ(own.metadata.name, "demo-0a1b2c3d-cp-00000a") << "lower case";
  EXPECT_EQ(own.metadata.role, NodeRole::kControlPlane);
  EXPECT_EQ(own.metadata.uid, "0a1b2c3d");
  EXPECT_EQ(own.metadata.cluster_ip, "192.168.178.5");
  EXPECT_EQ(own.metadata.cluster_prefix_length, 24);
  EXPECT_EQ(own.metadata.zone, "1");
  EXPECT_THAT(own.metadata.provider_id,
              ::testing::AllOf(::testing::StartsWith("azure:///subscriptions/"),
                               ::testing::EndsWith("/virtualMachines/0")));
  EXPECT_EQ(own.resource_group, "rg");
}

TEST(InstanceMetadataTest, RefusesEverythingElse) {
  struct Wrong {
    const char* field;
    std::function<void(json&)> spoil;
  };
  const auto tag = [](json& j, size_t index, const char* value) {
    j["compute"]["tagsList"][index]["value"] = value;
  };
  const std::vector<Wrong> wrongs = {
      {"compute", [](json& j) { j.erase("compute"); }},
      {"network", [](json& j) { j["network"] = 7; }},
      {"interface", [](json& j) { j["network"].erase("interface"); }},
      {"ipAddress",
       [](json& j) {
         j["network"]["interface"][0]["ipv4"]["ipAddress"][0]
          ["privateIpAddress"] = "1.2.3";
       }},
      {"prefix",
       [](json& j) {
         j["network"]["interface"][0]["ipv4"]["subnet"][0]["prefix"] = "33";
       }},
      {"subscriptionId",
       [](json& j) { j["compute"]["subscriptionId"] = "../x"; }},
      {"resourceGroupName",
       [](json& j) { j["compute"]["resourceGroupName"] = "a/b"; }},
      {"resourceId",
       [](json& j) { j["compute"]["resourceId"] = "/subscriptions/x"; }},
      {"zone", [](json& j) { j["compute"]["zone"] = "a"; }},
      {"computerName",
       [](json& j) { j["compute"]["osProfile"]["computerName"] = "a b"; }},
      {"osProfile", [](json& j) { j["compute"]["osProfile"] = "x"; }},
      {"tagsList", [&](json& j) { tag(j, 0, "a/b"); }},
      {"tagsList", [&](json& j) { tag(j, 1, "root"); }},
      {"tagsList", [](json& j) { j["compute"]["tagsList"] = json(); }},
      {"tagsList",
       [](json& j) {
         j["compute"]["tagsList"].push_back(
             {{"name", "constellation-init-secret-hash"}, {"value", "A"}});
       }},
  };
  for (const Wrong& wrong : wrongs) {
    json spoilt = GoodInstance();
    wrong.spoil(spoilt);
    EXPECT_THAT(
        ParseInstanceMetadata(spoilt.dump()),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(wrong.field)));
  }
  EXPECT_THAT(ParseInstanceMetadata(std::string(2 << 20, ' ')),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

constexpr char kGoal[] =
    "<?xml version=\"1.0\"?><GoalState><Incarnation>3</Incarnation><Container>"
    "<ContainerId>c-1</ContainerId><RoleInstanceList><RoleInstance>"
    "<InstanceId>i_2.x</InstanceId></RoleInstance></RoleInstanceList>"
    "</Container></GoalState>";

TEST(AzureMetadataTest, AsksOnceAnHourWithTheHeader) {
  FakeClock clock(absl::FromUnixSeconds(1'800'000'000));
  ScriptedTransport transport;
  transport.AddStatus(429);
  transport.Add(HttpResponse{.status = 200, .body = GoodInstance().dump()});
  AzureMetadataClient client({.transport = transport, .clock = clock});
  EXPECT_THAT(client.Self(), IsOk());
  EXPECT_THAT(client.Self(), IsOk());
  EXPECT_THAT(transport.requests(), SizeIs(2));
  EXPECT_EQ(transport.requests()[0].headers[0].first, "Metadata");
  clock.Advance(absl::Hours(2));
  EXPECT_THAT(client.Self(), IsOk());
  EXPECT_THAT(transport.requests(), SizeIs(3));
  EXPECT_EQ(*client.EnrolledTpms(), "[]");
}

TEST(AzureMetadataTest, TellsAzureOnceThatTheMachineIsUp) {
  FakeClock clock(absl::FromUnixSeconds(1'800'000'000));
  ScriptedTransport transport;
  transport.AddError(TransportError::kRefused);
  AzureMetadataClient dead({.transport = transport, .clock = clock});
  EXPECT_FALSE(dead.ReportStatus("{}").ok());

  ScriptedTransport good;
  good.Add(HttpResponse{.status = 200, .body = kGoal});
  good.AddStatus(200);
  AzureMetadataClient client({.transport = good, .clock = clock});
  EXPECT_THAT(client.ReportStatus(R"({"phase":"secret-word"})"), IsOk());
  EXPECT_THAT(client.ReportStatus("{}"), IsOk());
  ASSERT_THAT(good.requests(), SizeIs(2));
  EXPECT_THAT(good.requests()[1].body,
              ::testing::AllOf(HasSubstr("Ready"),
                               ::testing::Not(HasSubstr("secret-word"))));
}

TEST(AzureMetadataTest, SaysThatNobodyAnswers) {
  FakeClock clock(absl::FromUnixSeconds(1'800'000'000));
  ScriptedTransport transport;
  transport.AddError(TransportError::kRefused);
  AzureMetadataClient client({.transport = transport, .clock = clock});
  EXPECT_THAT(client.Self(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(client.Peers(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(client.Endpoint(), StatusIs(absl::StatusCode::kUnavailable));
}

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

TEST(WireserverTest, ReadsOnlyPlainGoalStates) {
  ASSERT_OK_AND_ASSIGN(const GoalState goal, ParseGoalState(kGoal));
  EXPECT_EQ(goal.container_id, "c-1");
  EXPECT_EQ(goal.instance_id, "i_2.x");
  EXPECT_EQ(goal.incarnation, "3");
  const auto spoilt = [](std::string_view what, std::string_view with) {
    std::string xml = kGoal;
    xml.replace(xml.find(what), what.size(), with);
    return ParseGoalState(xml);
  };
  EXPECT_THAT(
      spoilt("c-1", "c<b/>"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("ContainerId")));
  EXPECT_FALSE(spoilt("c-1", "&lt;").ok());
  EXPECT_FALSE(spoilt("c-1", std::string(65, 'a')).ok());
  EXPECT_FALSE(spoilt("i_2.x", "").ok());
  EXPECT_FALSE(spoilt("</InstanceId>", "").ok());
  EXPECT_FALSE(spoilt(">3<", ">x<").ok());
  EXPECT_FALSE(ParseGoalState("").ok());
  EXPECT_FALSE(ParseGoalState(kGoal + std::string(70'000, ' ')).ok());
}

TEST(WireserverTest, ReportsReadyAfterRepeats) {
  FakeClock clock(absl::FromUnixSeconds(1'800'000'000));
  ScriptedTransport transport;
  transport.AddStatus(503);
  transport.Add(HttpResponse{.status = 200, .body = kGoal});
  transport.AddError(TransportError::kLost);
  transport.AddStatus(200);
  EXPECT_THAT(ReportReady(transport, clock), IsOk());
  ASSERT_THAT(transport.requests(), SizeIs(4));
  EXPECT_EQ(transport.requests()[3].url,
            "http://168.63.129.16/machine?comp=health");
  EXPECT_THAT(transport.requests()[3].body,
              HasSubstr("<InstanceId>i_2.x</InstanceId><Health><State>Ready"));
  ScriptedTransport dead;
  dead.AddStatus(500);
  EXPECT_THAT(ReportReady(dead, clock),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(dead.requests(), SizeIs(5));
}

}  // namespace
}  // namespace constellation::cloud::azure
