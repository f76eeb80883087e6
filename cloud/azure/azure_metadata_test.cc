// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/azure_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "cloud/azure/testing/azure_requests.h"
#include "cloud/http/testing/routed_transport.h"
#include "cloud/http/testing/scripted_transport.h"
#include "common/clock.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::azure {
namespace {

using ::constellation::cloud::testing::RoutedTransport;
using ::constellation::cloud::testing::ScriptedTransport;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::HasSubstr;
using testing::kGoal;
using ::testing::SizeIs;

json GoodInstance() {
  return json::parse(R"({
    "compute": {
      "subscriptionId": "00000000-0000-4000-8000-000000000001",
      "resourceGroupName": "rg", "zone": "1", "location": "westeurope", "vmScaleSetName": "demo",
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
  EXPECT_EQ(own.metadata.region, "westeurope");
  EXPECT_THAT(own.metadata.provider_id,
              ::testing::AllOf(::testing::StartsWith("azure:///subscriptions/"),
                               ::testing::EndsWith("/virtualMachines/0")));
  EXPECT_EQ(own.resource_group, "rg");
}

TEST(InstanceMetadataTest, AMachineMayHaveNoZoneAndNoLocation) {
  json instance = GoodInstance();
  instance["compute"].erase("zone");
  instance["compute"].erase("location");
  ASSERT_OK_AND_ASSIGN(const OwnInstance own,
                       ParseInstanceMetadata(instance.dump()));
  EXPECT_EQ(own.metadata.zone, "");
  EXPECT_EQ(own.metadata.region, "");
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
      {"location", [](json& j) { j["compute"]["location"] = "west europe"; }},
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

// ARM as a node asks it, with the machine's own identity.
class NodeViewTest : public ::testing::Test {
 protected:
  NodeViewTest() {
    transport_.On("GET /metadata/instance", 200, GoodInstance().dump());
    transport_.On("GET /metadata/identity/oauth2/token", 200,
                  R"({"access_token":"n0de","expires_in":"3600"})");
  }

  const std::string kGroup =
      "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg/"
      "providers/";
  const std::string kSets =
      "GET " + kGroup + "Microsoft.Compute/virtualMachineScaleSets";
  const std::string kBalancers =
      "GET " + kGroup + "Microsoft.Network/loadBalancers";
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  RoutedTransport transport_;
  AzureMetadataClient client_{{.transport = transport_, .clock = clock_}};
};

TEST_F(NodeViewTest, TheEndpointIsTheBalancers) {
  transport_.On(
      kBalancers, 200,
      json{{"value",
            json::array(
                {{{"id", kGroup + "Microsoft.Network/loadBalancers/lb"},
                  {"tags",
                   {{"constellation-uid", "0a1b2c3d"},
                    {"constellation-resource", "balancer"}}},
                  {"properties",
                   {{"frontendIPConfigurations",
                     {{{"properties",
                        {{"privateIPAddress", "192.168.178.9"}}}}}}}}}})}}
          .dump());
  EXPECT_EQ(*client_.Endpoint(), "192.168.178.9:6443");
  EXPECT_THAT(
      transport_.requests(kBalancers).at(0).headers,
      ::testing::Contains(::testing::Pair("Authorization", "Bearer n0de")));
}

// Nodes wait for what may still come; an answer that lies does not pass by.
TEST_F(NodeViewTest, SpeaksInTheContractsCodes) {
  transport_.On(kBalancers, 200, R"({"value":[]})");
  EXPECT_THAT(client_.Endpoint(), StatusIs(absl::StatusCode::kNotFound));
  transport_.On(kSets, 403,
                R"({"error":{"code":"AuthorizationFailed","message":"x"}})");
  EXPECT_THAT(client_.Peers(), StatusIs(absl::StatusCode::kUnavailable))
      << "a role is not there at once";
  transport_.Reset(kSets);
  transport_.On(kSets, 200, R"({"value":7})");
  EXPECT_THAT(client_.Peers(), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace constellation::cloud::azure
