// SPDX-License-Identifier: Apache-2.0
// Whole lives of clusters against a server that checks every request with
// Google's own description of its API.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "cloud/gcp/permissions.h"
#include "cloud/json_fields.h"
#include "common/testing/status_matchers.h"
#include "tests/integration/gcp/gcp_world.h"

namespace constellation::cloud::gcp::testing {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kBase[] = "demo-0a1b2c3d-";

std::string Path(const std::string& place, const std::string& collection,
                 const std::string& name) {
  return fmt::format("projects/demo-project/{}/{}/{}{}", place, collection,
                     kBase, name);
}

TEST(GcpFlowTest, MakesAClusterAndDeletesIt) {
  GcpWorld world;
  const EngineResult made = world.RunApply();
  ASSERT_THAT(made.status, IsOk()) << FailuresToText(made);
  EXPECT_THAT(world.Problems(), IsEmpty());
  const json dump = world.Dump();
  EXPECT_EQ(dump.at(Path("global", "networks", "net")).at("mtu"), 8896);
  EXPECT_TRUE(
      dump.contains(Path("zones/europe-west3-b", "instanceGroupManagers",
                         "control-plane-default")));
  const json& rule =
      dump.at(Path("global", "forwardingRules", "rule-kubernetes"));
  EXPECT_EQ(rule.at("loadBalancingScheme"), "EXTERNAL");
  // The policy lets in the caller and the nodes, nobody else.
  const json& policy = dump.at(Path("global", "securityPolicies", "sources"));
  const json& nat =
      dump.at(Path("regions/europe-west3", "addresses", "nat-address"));
  EXPECT_EQ(
      policy.at("rules").at(0).at("match").at("config").at("srcIpRanges"),
      json({"203.0.113.7/32", nat.at("address").get<std::string>() + "/32"}));
  EXPECT_THAT(DumpJson(dump.at(
                  Path("global", "backendServices", "service-kubernetes"))),
              HasSubstr("securityPolicies/demo-0a1b2c3d-sources"));
  EXPECT_THAT(DumpJson(dump), Not(HasSubstr("0.0.0.0/0")));

  ASSERT_OK_AND_ASSIGN(
      const ClusterInfrastructure infrastructure,
      world.provider->Infrastructure(world.request, made.outputs));
  EXPECT_EQ(infrastructure.cluster_endpoint, rule.at("IPAddress"));
  EXPECT_EQ(infrastructure.details.at("projectID"), "demo-project");

  EXPECT_THAT(world.RunTerminate().status, IsOk());
  EXPECT_THAT(world.Leftovers(), IsEmpty());
  EXPECT_EQ(world.Dump(), json::object());
  EXPECT_FALSE(world.storage.exists());
  EXPECT_THAT(world.Problems(), IsEmpty());
  EXPECT_THAT(world.RunTerminate().status, IsOk());  // again: harmless
}

TEST(GcpFlowTest, SecondPlanIsEmpty) {
  GcpWorld world;
  ASSERT_THAT(world.RunApply().status, IsOk());
  ASSERT_THAT(world.RunApply().status, IsOk());
  EXPECT_TRUE(world.plan.Empty()) << PlanToText(world.plan);
  // Also without a journal: everything is found again by its mark.
  ASSERT_THAT(world.storage.Remove(), IsOk());
  ASSERT_THAT(world.RunApply().status, IsOk());
  EXPECT_TRUE(world.plan.Empty()) << PlanToText(world.plan);
  ASSERT_THAT(world.storage.Remove(), IsOk());
  EXPECT_THAT(world.RunTerminate().status, IsOk());
  EXPECT_EQ(world.Dump(), json::object());
}

TEST(GcpFlowTest, MakesAnInternalBalancerWithTdxInSeveralZones) {
  ClusterRequest request = SmallRequest();
  request.internal_load_balancer = true;
  request.attestation_variant = "gcp-tdx";
  request.debug = true;
  for (NodeGroupRequest& group : request.groups) {
    group.instance_type = "c3-standard-4";
    group.count = 2;
  }
  request.groups.push_back(request.groups.front());
  request.groups.back().name = "control_plane_c";
  request.groups.back().zone = "europe-west3-c";
  GcpWorld world(request);
  const EngineResult made = world.RunApply();
  ASSERT_THAT(made.status, IsOk()) << FailuresToText(made);
  EXPECT_THAT(world.Problems(), IsEmpty());
  const json dump = world.Dump();
  EXPECT_THAT(
      dump.at(Path("regions/europe-west3", "backendServices", "service-join"))
          .at("backends"),
      SizeIs(2));
  EXPECT_FALSE(dump.contains(Path("global", "securityPolicies", "sources")));
  ASSERT_OK_AND_ASSIGN(
      const ClusterInfrastructure infrastructure,
      world.provider->Infrastructure(world.request, made.outputs));
  EXPECT_THAT(infrastructure.cluster_endpoint, HasSubstr("192.168.180."));
  EXPECT_THAT(world.provider->Instances(request.identity).value(), SizeIs(6));
  EXPECT_THAT(world.RunTerminate().status, IsOk());
  EXPECT_EQ(world.Dump(), json::object());
}

TEST(GcpFlowTest, ScalesAndChangesTheImage) {
  GcpWorld world;
  ASSERT_THAT(world.RunApply().status, IsOk());
  world.request.groups[1].count = 3;
  world.request.image = "projects/images/global/images/node-2";
  world.request.allowed_sources = {"198.51.100.0/24"};
  const EngineResult changed = world.RunApply();
  ASSERT_THAT(changed.status, IsOk()) << FailuresToText(changed);
  EXPECT_EQ(world.plan.Count(PlanAction::kUpdate), 3U)
      << PlanToText(world.plan);  // two groups, the policy
  EXPECT_EQ(world.plan.Count(PlanAction::kUnchanged),
            world.plan.actions.size() - 3);
  EXPECT_THAT(PlanToText(world.plan), HasSubstr("template.disks"));
  const json dump = world.Dump();
  const auto templates =
      std::ranges::count_if(dump.items(), [](const auto& item) {
        return item.key().find("/instanceTemplates/") != std::string::npos;
      });
  EXPECT_EQ(templates, 2);  // the old ones are gone
  EXPECT_THAT(DumpJson(dump), HasSubstr("198.51.100.0/24"));
  EXPECT_THAT(DumpJson(dump), Not(HasSubstr("203.0.113.7/32")));

  ASSERT_OK_AND_ASSIGN(std::vector<ClusterInstance> instances,
                       world.provider->Instances(world.request.identity));
  ASSERT_THAT(instances, SizeIs(4));
  const ClusterInstance& worker = instances.back();
  EXPECT_EQ(worker.metadata.role, NodeRole::kWorker);
  EXPECT_EQ(worker.group, "worker-default");
  EXPECT_EQ(worker.metadata.zone, "europe-west3-b");
  EXPECT_THAT(worker.metadata.provider_id,
              HasSubstr("gce://demo-project/europe-west3-b/demo-0a1b2c3d-"));
  EXPECT_EQ(world.Dump().at(worker.id).at("disks").at(0).at(
                "initializeParams")["sourceImage"],
            "projects/images/global/images/node-2");

  // The old control-plane node gets the new image when it is replaced.
  const std::string old = instances.front().id;
  EXPECT_THAT(DumpJson(world.Dump().at(old)), HasSubstr("images/node-1"));
  ASSERT_THAT(world.provider->ReplaceInstance(world.request.identity, old),
              IsOk());
  for (int i = 0; i < 3; ++i) {  // the group notices
    ASSERT_THAT(world.RunApply().status, IsOk());
  }
  EXPECT_THAT(DumpJson(world.Dump().at(old)), HasSubstr("images/node-2"));
  ASSERT_OK_AND_ASSIGN(const std::string console,
                       world.provider->ConsoleLog(world.request.identity, old));
  EXPECT_THAT(console, HasSubstr("booting demo-0a1b2c3d-"));
  EXPECT_THAT(
      world.provider->ConsoleLog(world.request.identity, "projects/x/i"),
      StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(world.Problems(), IsEmpty());
  EXPECT_THAT(world.RunTerminate().status, IsOk());
  EXPECT_EQ(world.Dump(), json::object());
}

TEST(GcpFlowTest, ReadsEveryPage) {
  GcpWorld world;
  world.request.groups[1].count = 3;
  world.server.Control("/_ctl", {{"compute", {{"page_size", 1}}}});
  ASSERT_THAT(world.RunApply().status, IsOk());
  ASSERT_THAT(world.storage.Remove(), IsOk());
  EXPECT_THAT(world.provider->Instances(world.request.identity).value(),
              SizeIs(4));
  EXPECT_THAT(world.RunTerminate().status, IsOk());
  EXPECT_EQ(world.Dump(), json::object());
}

TEST(GcpFlowTest, DeletesWhatKubernetesLeftAndNothingElse) {
  GcpWorld world;
  ASSERT_THAT(world.RunApply().status, IsOk());
  const std::string network = Path("global", "networks", "net");
  const std::string pool =
      "projects/demo-project/regions/europe-west3/targetPools/a1b2";
  const std::string instance =
      world.provider->Instances(world.request.identity).value().front().id;
  world.server.Control(
      "/_plant",
      {{"projects/demo-project/global/firewalls/k8s-fw-a1b2",
        {{"network", network}}},
       {"projects/demo-project/global/routes/demo-0a1b-route",
        {{"network", network}, {"description", "k8s-node-route"}}},
       {pool, {{"instances", {instance}}}},
       {"projects/demo-project/regions/europe-west3/forwardingRules/a1b2",
        {{"target", pool}}},
       {"projects/demo-project/zones/europe-west3-b/disks/pvc-1",
        {{"labels", {{"constellation-uid", "0a1b2c3d"}}}}}});
  // Strangers.
  world.server.Control(
      "/_plant",
      {{"projects/demo-project/global/networks/default", json::object()},
       {"projects/demo-project/global/firewalls/k8s-fw-c3d4",
        {{"network", "projects/demo-project/global/networks/default"}}},
       {"projects/demo-project/regions/europe-west3/targetPools/c3d4",
        {{"instances", {"projects/demo-project/zones/z/instances/other"}}}},
       {"projects/demo-project/zones/europe-west3-b/disks/pvc-2",
        {{"labels", {{"constellation-uid", "ffffffff"}}}}}});
  ASSERT_THAT(world.RunApply().status, IsOk());
  EXPECT_TRUE(world.plan.Empty()) << PlanToText(world.plan);
  const EngineResult gone = world.RunTerminate();
  ASSERT_THAT(gone.status, IsOk()) << FailuresToText(gone);
  EXPECT_THAT(world.Dump(), SizeIs(4));
}

TEST(GcpFlowTest, RefusesAStrangersName) {
  GcpWorld world;
  world.server.Control("/_plant", {{Path("global", "networks", "net"),
                                    {{"description", "somebody's"}}}});
  const EngineResult result = world.RunApply();
  EXPECT_THAT(result.status, StatusIs(absl::StatusCode::kAlreadyExists));
  ASSERT_FALSE(result.failures.empty());
  EXPECT_EQ(result.failures[0].error.kind, CloudErrorKind::kNameTaken);
  EXPECT_THAT(world.RunTerminate().status, IsOk());
  EXPECT_THAT(world.Dump(), SizeIs(1));  // still theirs
}

TEST(GcpFlowTest, NamesTheQuotaThatIsExceeded) {
  GcpWorld world;
  world.server.Control(
      "/_ctl",
      {{"compute",
        {{"fail",
          {{{"match", "compute.addresses.insert"},
            {"op", "QUOTA_EXCEEDED"},
            {"message",
             "Quota 'STATIC_ADDRESSES' exceeded.  Limit: 8.0 in region "
             "europe-west3."}}}}}}});
  const EngineResult result = world.RunApply();
  EXPECT_THAT(result.status, StatusIs(absl::StatusCode::kResourceExhausted,
                                      HasSubstr("STATIC_ADDRESSES")));
  ASSERT_FALSE(result.failures.empty());
  EXPECT_EQ(result.failures[0].error.kind, CloudErrorKind::kQuota);
  EXPECT_EQ(result.failures[0].error.subject, "STATIC_ADDRESSES");
  // The same command goes on.
  EXPECT_THAT(world.RunApply().status, IsOk());
  EXPECT_THAT(world.RunTerminate().status, IsOk());
  EXPECT_EQ(world.Dump(), json::object());
}

TEST(GcpFlowTest, TellsThatAZoneHasNoMachines) {
  GcpWorld world;
  world.server.Control(
      "/_ctl",
      {{"compute",
        {{"stockout", json::array({{"europe-west3-b", "n2d-standard-4"}})}}}});
  const EngineResult result = world.RunApply();
  EXPECT_THAT(result.status, StatusIs(absl::StatusCode::kResourceExhausted,
                                      HasSubstr("europe-west3-b")));
  ASSERT_FALSE(result.failures.empty());
  EXPECT_EQ(result.failures[0].error.kind, CloudErrorKind::kCapacity);
  EXPECT_THAT(FailuresToText(result), HasSubstr("another zone"));
  EXPECT_THAT(world.RunTerminate().status, IsOk());
  EXPECT_EQ(world.Dump(), json::object());
}

TEST(GcpFlowTest, NamesTheMissingPermission) {
  GcpWorld world;
  world.server.Control(
      "/_ctl", {{"compute",
                 {{"fail",
                   {{{"match", "compute.networks.insert"},
                     {"http", 403},
                     {"reason", "forbidden"},
                     {"message",
                      "Required 'compute.networks.create' permission for "
                      "'projects/demo-project/global/networks/x'"}}}}}}});
  const EngineResult result = world.RunApply();
  ASSERT_FALSE(result.failures.empty());
  EXPECT_EQ(result.failures[0].error.kind, CloudErrorKind::kPermission);
  EXPECT_EQ(result.failures[0].error.subject, "compute.networks.create");
}

// Everything that changes and deletes, with exactly the documented permissions.
TEST(GcpFlowTest, DocumentedPermissionsSuffice) {
  std::vector<std::string_view> all(ProviderPermissions().begin(),
                                    ProviderPermissions().end());
  EXPECT_TRUE(std::ranges::is_sorted(all));
  for (const bool internal : {false, true}) {
    ClusterRequest request = SmallRequest();
    request.internal_load_balancer = internal;
    GcpWorld world(request);
    world.server.Control("/_ctl", {{"compute", {{"permissions", all}}}});
    const EngineResult made = world.RunApply();
    ASSERT_THAT(made.status, IsOk()) << FailuresToText(made);
    world.request.image = "projects/images/global/images/node-2";
    world.request.groups[1].count = 2;
    world.request.allowed_sources = {"198.51.100.0/24"};
    const EngineResult changed = world.RunApply();
    ASSERT_THAT(changed.status, IsOk()) << FailuresToText(changed);
    EXPECT_THAT(world.provider->CheckOnline(world.request), IsOk());
    const auto instances = world.provider->Instances(request.identity).value();
    EXPECT_THAT(world.provider->ConsoleLog(request.identity, instances[0].id),
                IsOk());
    EXPECT_THAT(
        world.provider->ReplaceInstance(request.identity, instances[0].id),
        IsOk());
    ASSERT_THAT(world.RunTerminate().status, IsOk());
    EXPECT_EQ(world.Dump(), json::object());
  }
  // One less is missed by its name.
  std::erase(all, "compute.routers.create");
  GcpWorld world;
  world.server.Control("/_ctl", {{"compute", {{"permissions", all}}}});
  const EngineResult refused = world.RunApply();
  ASSERT_FALSE(refused.failures.empty());
  EXPECT_EQ(refused.failures[0].error.subject, "compute.routers.create");
  EXPECT_EQ(refused.failures[0].error.kind, CloudErrorKind::kPermission);
}

TEST(GcpFlowTest, MakesAgainWhatFailsLate) {
  GcpWorld world;
  world.server.Control(
      "/_ctl",
      {{"compute",
        {{"fail",
          {{{"match", "compute.firewalls.insert"}, {"op", "INTERNAL_ERROR"}},
           {{"match", "compute.routers.insert"},
            {"op", "RESOURCE_NOT_READY"}}}}}}});
  EngineResult result = world.RunApply();
  for (int i = 0; i < 2 && !result.status.ok(); ++i) {
    result = world.RunApply();
  }
  EXPECT_THAT(result.status, IsOk()) << FailuresToText(result);
  EXPECT_THAT(world.RunTerminate().status, IsOk());
  EXPECT_EQ(world.Dump(), json::object());
}

TEST(GcpFlowTest, ChecksOnline) {
  GcpWorld world;
  ASSERT_THAT(world.Start(), IsOk());
  EXPECT_THAT(world.provider->CheckOnline(world.request), IsOk());
  ClusterRequest wrong = world.request;
  wrong.image = "projects/images/global/images/plain";
  wrong.groups[0].count = 30;
  wrong.groups[1].instance_type = "n2d-standard-96";
  EXPECT_THAT(
      world.provider->CheckOnline(wrong),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("n2d-standard-96"), HasSubstr("N2D_CPUS"),
                     HasSubstr("SEV_SNP_CAPABLE"))));
  EXPECT_THAT(world.provider->Scope().value(), HasSubstr("demo-project"));
}

}  // namespace
}  // namespace constellation::cloud::gcp::testing
