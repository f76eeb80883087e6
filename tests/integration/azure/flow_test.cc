// SPDX-License-Identifier: Apache-2.0
// A cluster's whole life against the stand-in for Azure: made, compared,
// scaled, given a new image, looked at, deleted; and with everything that goes
// wrong in between.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "cloud/azure/azure_iam.h"
#include "cloud/engine/cloud_error.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "tests/integration/azure/azure_world.h"

namespace constellation::cloud::azure::testing {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kUid[] = "0a1b2c3d";
constexpr size_t kThings = 8;  // of SmallRequest()

class FlowTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { world_ = new AzureWorld; }
  static void TearDownTestSuite() {
    delete world_;  // NOLINT: as GoogleTest shows it
    world_ = nullptr;
  }
  void SetUp() override {
    World().Reset();
    World().request = SmallRequest();
    World().options = EngineOptions{.parallelism = 1};
  }
  void TearDown() override {
    EXPECT_EQ(World().stub.Dump()["violations"], json::array());
  }
  static AzureWorld& World() { return *world_; }

  static void ExpectApplied(const ClusterRequest& request) {
    const EngineResult result = World().RunApply(request);
    ASSERT_THAT(result.status, IsOk()) << FailuresToText(result);
  }
  static void ExpectTerminated() {
    const EngineResult result = World().RunTerminate();
    EXPECT_THAT(result.status, IsOk()) << FailuresToText(result);
    EXPECT_THAT(World().stub.Owned(kUid), IsEmpty());
  }
  // One of the stand-in's things, by the end of its id.
  static json Thing(std::string_view end) {
    const json dump = World().stub.Dump();
    for (const json& thing : dump["resources"]) {
      if (thing["id"].get<std::string>().ends_with(end)) {
        return thing;
      }
    }
    ADD_FAILURE() << "no " << end;
    return {};
  }

 private:
  static AzureWorld* world_;
};

AzureWorld* FlowTest::world_ = nullptr;

TEST_F(FlowTest, ACompleteLife) {
  ClusterRequest& request = World().request;
  ExpectApplied(request);
  EXPECT_EQ(World().plan.Count(PlanAction::kCreate), kThings);
  EXPECT_THAT(World().stub.Owned(kUid), SizeIs(kThings));

  ExpectApplied(request);
  EXPECT_TRUE(World().plan.Empty()) << PlanToText(World().plan);
  EXPECT_THAT(World().provider->CheckOnline(request), IsOk());
  ASSERT_OK_AND_ASSIGN(auto instances,
                       World().provider->Instances(request.identity));
  ASSERT_THAT(instances, SizeIs(5));
  std::set<std::string> names;
  std::set<std::string> addresses;
  for (const ClusterInstance& one : instances) {
    names.insert(one.metadata.name);
    addresses.insert(one.metadata.cluster_ip);
    EXPECT_EQ(one.state, "running");
    EXPECT_EQ(one.metadata.zone,
              one.metadata.role == NodeRole::kWorker ? "2" : "1");
  }
  EXPECT_THAT(names, SizeIs(5));
  EXPECT_THAT(addresses, SizeIs(5));
  EXPECT_THAT(names, Contains("demo-0a1b2c3d-worker-default-000001"));

  request.groups[1].count = 4;  // scale up
  request.image.replace(request.image.rfind('/') + 1, std::string::npos,
                        "2.25.0");
  ExpectApplied(request);
  EXPECT_EQ(World().plan.Count(PlanAction::kUpdate), 2);
  EXPECT_EQ(World().plan.Count(PlanAction::kUnchanged), kThings - 2);
  ASSERT_OK_AND_ASSIGN(instances,
                       World().provider->Instances(request.identity));
  EXPECT_THAT(instances, SizeIs(7));

  const std::string victim = instances.front().id;
  EXPECT_THAT(World().provider->ReplaceInstance(request.identity, victim),
              IsOk());
  ASSERT_OK_AND_ASSIGN(instances,
                       World().provider->Instances(request.identity));
  EXPECT_THAT(instances, SizeIs(7));
  for (const ClusterInstance& one : instances) {
    EXPECT_NE(one.id, victim);
  }
  ASSERT_OK_AND_ASSIGN(
      const std::string log,
      World().provider->ConsoleLog(request.identity, instances.front().id));
  EXPECT_EQ(log, "kernel: hello\n");
  ClusterIdentity other = request.identity;
  other.uid = "ffffffff";
  EXPECT_THAT(World().provider->ConsoleLog(other, instances.front().id),
              StatusIs(absl::StatusCode::kPermissionDenied));

  request.groups[1].count = 1;  // scale down
  ExpectApplied(request);
  EXPECT_TRUE(World().RunApply(request).status.ok());
  EXPECT_TRUE(World().plan.Empty());
  ExpectTerminated();
  ExpectTerminated();  // a second time does no harm
}

TEST_F(FlowTest, InfrastructureIsWhereTheBalancerIs) {
  ClusterRequest& request = World().request;
  ASSERT_THAT(World().Start(), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto desired, World().provider->Desired(request));
  EngineResult result = World().Apply(desired, World().provider->Drivers());
  ASSERT_THAT(result.status, IsOk()) << FailuresToText(result);
  ASSERT_OK_AND_ASSIGN(
      const ClusterInfrastructure found,
      World().provider->Infrastructure(request, result.outputs));
  EXPECT_THAT(found.cluster_endpoint, HasSubstr("198.51.100."));
  EXPECT_THAT(found.api_server_cert_sans,
              Contains("demo-0a1b2c3d.northeurope.cloudapp.example"));
  EXPECT_THAT(found.details.at("userAssignedIdentity"), SizeIs(36));
  ASSERT_OK_AND_ASSIGN(const std::string scope, World().provider->Scope());
  EXPECT_THAT(scope, HasSubstr("northeurope"));
}

TEST_F(FlowTest, InternalBalancerWithSmallPages) {
  World().stub.Control({{"page_size", 1}, {"polls", 1}});
  ClusterRequest& request = World().request;
  request.internal_load_balancer = true;
  request.attestation_variant = "azure-tdx";
  for (NodeGroupRequest& group : request.groups) {
    group.instance_type = "Standard_DC4es_v5";
  }
  ExpectApplied(request);
  ExpectApplied(request);
  EXPECT_TRUE(World().plan.Empty()) << PlanToText(World().plan);
  ExpectTerminated();
}

TEST_F(FlowTest, RunsInParallel) {
  World().options.parallelism = 8;
  ExpectApplied(World().request);
  ExpectTerminated();
}

TEST_F(FlowTest, ForeignChildrenSurviveAChange) {
  ExpectApplied(World().request);
  json group = Thing("/networkSecurityGroups/demo-0a1b2c3d");
  json rule = group["properties"]["securityRules"][0];
  rule["name"] = "k8s-azure-lb_allow_IPv4";
  rule["properties"]["priority"] = 500;
  group["properties"]["securityRules"].push_back(rule);
  World().stub.Control({{"resources", {group}}});
  World().request.allowed_sources = {"198.51.100.0/24"};
  ExpectApplied(World().request);
  EXPECT_EQ(World().plan.Count(PlanAction::kUpdate), 1);
  const json rules = Thing(
      "/networkSecurityGroups/demo-0a1b2c3d")["properties"]["securityRules"];
  ASSERT_THAT(rules, SizeIs(6));
  EXPECT_EQ(rules[5]["name"], "k8s-azure-lb_allow_IPv4");
  EXPECT_EQ(rules[0]["properties"]["sourceAddressPrefixes"],
            json({"198.51.100.0/24"}));
  World().request.debug = true;
  ExpectApplied(World().request);
  World().request.debug = false;
  ExpectApplied(World().request);
  EXPECT_THAT(Thing("/networkSecurityGroups/demo-0a1b2c3d")["properties"]
                                                           ["securityRules"],
              SizeIs(6))
      << "the debug port is closed again";
  ExpectTerminated();
}

TEST_F(FlowTest, AFailedScaleUpHarmsNothing) {
  ExpectApplied(World().request);
  World().request.groups[1].count = 3;
  World().stub.Control(
      {{"faults",
        {{{"kind", "late"},
          {"match", "scaleSets/.*worker"},
          {"code", "OperationNotAllowed"},
          {"message",
           "exceeding approved standardDCASv5Family Cores quota"}}}}});
  EngineResult result = World().RunApply(World().request);
  ASSERT_THAT(result.failures, SizeIs(1));
  EXPECT_EQ(result.failures[0].error.kind, CloudErrorKind::kQuota);
  EXPECT_THAT(result.failures[0].error.subject,
              HasSubstr("standardDCASv5Family"));
  // The set's state is "Failed" now, its VMs run: it must not be replaced.
  ExpectApplied(World().request);
  EXPECT_EQ(World().plan.Count(PlanAction::kReplace), 0);
  EXPECT_EQ(World().plan.Count(PlanAction::kUpdate), 1);
  ExpectTerminated();
}

TEST_F(FlowTest, ALateFailureIsMadeAgain) {
  World().stub.Control({{"faults",
                         {{{"kind", "late"},
                           {"match", "natGateways"},
                           {"code", "InternalServerError"},
                           {"message", "try again"}},
                          {{"kind", "late"},
                           {"match", "PUT .*virtualNetworks"},
                           {"code", "InternalServerError"},
                           {"message", "try again"}}}}});
  ExpectApplied(World().request);
  ExpectTerminated();
}

TEST_F(FlowTest, SaysWhyThereIsNoMachine) {
  World().stub.Control({{"faults",
                         {{{"kind", "late"},
                           {"match", "PUT .*scaleSets"},
                           {"code", "ZonalAllocationFailed"},
                           {"message", "no capacity"}}}}});
  const EngineResult result = World().RunApply(World().request);
  ASSERT_FALSE(result.failures.empty());
  EXPECT_EQ(result.failures[0].error.kind, CloudErrorKind::kCapacity);
  ExpectTerminated();
}

TEST_F(FlowTest, SomeoneElsesNamesakeIsLeftAlone) {
  const std::string id = fmt::format(
      "/subscriptions/{}/resourceGroups/rg/providers/Microsoft.Network/"
      "natGateways/demo-0a1b2c3d",
      kSubscription);
  World().stub.Control(
      {{"resources",
        {{{"id", id}, {"location", "x"}, {"properties", json::object()}}}}});
  const EngineResult result = World().RunApply(World().request);
  ASSERT_FALSE(result.failures.empty());
  EXPECT_EQ(result.failures[0].error.kind, CloudErrorKind::kNameTaken);
  ExpectTerminated();
  EXPECT_EQ(Thing("natGateways/demo-0a1b2c3d")["location"], "x");
}

TEST_F(FlowTest, KubernetesLeftoversGoWithTheCluster) {
  ExpectApplied(World().request);
  const std::string group = fmt::format(
      "/subscriptions/{}/resourceGroups/rg/providers/", kSubscription);
  const json tags = {{"constellation-uid", kUid}};
  const std::string ip =
      group + "Microsoft.Network/publicIPAddresses/kubernetes-a1";
  World().stub.Control(
      {{"resources",
        {{{"id", ip},
          {"location", "x"},
          {"tags", tags},
          {"properties", json::object()}},
         {{"id", group + "Microsoft.Network/loadBalancers/kubernetes"},
          {"location", "x"},
          {"tags", tags},
          {"properties",
           {{"frontendIPConfigurations",
             {{{"name", "a1"},
               {"properties", {{"publicIPAddress", {{"id", ip}}}}}}}}}}},
         {{"id", group + "Microsoft.Compute/disks/pvc-1"},
          {"location", "x"},
          {"tags", tags},
          {"properties", json::object()}},
         {{"id", group + "Microsoft.Compute/disks/somebody-elses"},
          {"location", "x"},
          {"properties", json::object()}}}}});
  ExpectApplied(World().request);
  EXPECT_TRUE(World().plan.Empty()) << "they stay as long as the cluster";
  ExpectTerminated();
  EXPECT_EQ(Thing("somebody-elses")["location"], "x");
}

TEST_F(FlowTest, WaitsForWhatUsesTheNetwork) {
  ExpectApplied(World().request);
  World().stub.Control({{"faults",
                         {{{"kind", "refuse"},
                           {"match", "DELETE .*virtualNetworks"},
                           {"times", 3},
                           {"status", 400},
                           {"code", "InUseSubnetCannotBeDeleted"}},
                          {{"kind", "late"},
                           {"match", "DELETE .*virtualNetworks"},
                           {"code", "InUseSubnetCannotBeDeleted"},
                           {"message", "in use"}}}}});
  ExpectTerminated();
}

TEST_F(FlowTest, ALostJournalIsNoLoss) {
  ExpectApplied(World().request);
  (void)World().storage.Remove();
  ExpectApplied(World().request);
  EXPECT_TRUE(World().plan.Empty()) << PlanToText(World().plan);
  (void)World().storage.Remove();
  ExpectTerminated();
}

TEST_F(FlowTest, SurvivesBadWeather) {
  for (const int seed : {1, 2, 3}) {
    World().Reset();
    World().stub.Control({{"random",
                           {{"seed", seed},
                            {"throttled", 0.05},
                            {"unavailable", 0.05},
                            {"lost", 0.08},
                            {"dropped", 0.04}}},
                          {"retry_after", 5}});
    World().options.parallelism = seed == 1 ? 1 : 4;
    ExpectApplied(World().request);
    EXPECT_THAT(World().stub.Owned(kUid), SizeIs(kThings));
    ExpectTerminated();
  }
}

TEST_F(FlowTest, AnExpiredTokenIsRenewed) {
  ExpectApplied(World().request);
  ASSERT_THAT(World().Start(), IsOk());
  ASSERT_THAT(World().provider->Instances(World().request.identity), IsOk());
  World().stub.Control({{"expire_tokens", true}});
  World().clock.Advance(absl::Minutes(2));
  EXPECT_THAT(World().provider->Instances(World().request.identity), IsOk());
  ExpectTerminated();
}

TEST_F(FlowTest, ThePermissionListSuffices) {
  World().stub.Control({{"actions", OperatorPermissions()}});
  ExpectApplied(World().request);
  EXPECT_THAT(World().provider->CheckOnline(World().request), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto instances,
                       World().provider->Instances(World().request.identity));
  ASSERT_FALSE(instances.empty());
  EXPECT_THAT(World().provider->ReplaceInstance(World().request.identity,
                                                instances[0].id),
              IsOk());
  EXPECT_THAT(
      World().provider->ConsoleLog(
          World().request.identity,
          World().provider->Instances(World().request.identity)->at(0).id),
      IsOk());
  World().request.groups[1].count = 3;
  ExpectApplied(World().request);
  ExpectTerminated();
  EXPECT_EQ(World().stub.Dump()["denied"], json::array());
}

TEST_F(FlowTest, AMissingPermissionIsNamed) {
  for (const char* missing :
       {"Microsoft.Network/natGateways/write",
        "Microsoft.Network/loadBalancers/backendAddressPools/join/action",
        "Microsoft.Compute/virtualMachineScaleSets/write"}) {
    World().Reset();
    std::vector<std::string> actions = OperatorPermissions();
    std::erase(actions, missing);
    World().stub.Control({{"actions", actions}});
    const EngineResult result = World().RunApply(World().request);
    ASSERT_FALSE(result.failures.empty()) << missing;
    EXPECT_EQ(result.failures[0].error.kind, CloudErrorKind::kPermission);
    EXPECT_EQ(result.failures[0].error.subject, missing);
    ExpectTerminated();
  }
}

TEST_F(FlowTest, ChecksBeforeAnythingIsMade) {
  ASSERT_THAT(World().Start(), IsOk());
  const auto check = [&](const ClusterRequest& request) {
    return std::string(Message(World().provider->CheckOnline(request)));
  };
  ClusterRequest request = SmallRequest();
  request.groups[0].instance_type = "Standard_D4s_v4";
  request.groups[1].instance_type = "Standard_None";
  EXPECT_THAT(check(request), HasSubstr("needs SNP"));
  EXPECT_THAT(check(request), HasSubstr("has no Standard_None"));
  request = SmallRequest();
  request.attestation_variant = "azure-tdx";
  request.groups[0].instance_type = "Standard_DC4es_v5";
  request.groups[0].zone = "3";
  request.groups[1].instance_type = "Standard_DC4es_v5";
  EXPECT_THAT(check(request), HasSubstr("control_plane_default.zone"));
  request = SmallRequest();
  request.image.replace(request.image.rfind('/') + 1, std::string::npos,
                        "9.9.9");
  EXPECT_THAT(check(request), HasSubstr("image: there is no"));
  request = SmallRequest();
  request.groups[1].count = 60;
  EXPECT_THAT(check(request),
              HasSubstr("quota: 252 cores more of standardDCASv5Family"));
  EXPECT_THAT(World().provider->CheckOnline(SmallRequest()), IsOk());
}

}  // namespace
}  // namespace constellation::cloud::azure::testing
