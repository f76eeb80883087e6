// SPDX-License-Identifier: Apache-2.0
// The provider against a small OpenStack on loopback: create, plan, scale,
// terminate; runs that die at every step; faults; leftovers of others.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>

#include "cloud/json_fields.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "tests/integration/openstack/openstack_world.h"

namespace constellation::cloud::openstack::testing {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kImage[] = "aaaa0000-0000-4000-8000-000000000001";
constexpr char kExternal[] = "eeee0000-0000-4000-8000-000000000001";
constexpr char kUid[] = "0a1b2c3d";

Stub& TheStub() {
  static Stub stub;
  return stub;
}

class OpenStackFlowTest : public ::testing::Test {
 protected:
  OpenStackFlowTest() {
    TheStub().Control({{"reset", true},
                       {"faults", json::array()},
                       {"options",
                        {{"octavia", true},
                         {"page", 1000},
                         {"token_uses", 0},
                         {"server_error", ""},
                         {"neutron_description_filter", true},
                         {"lb_error", false},
                         {"lb_provider", "amphora"},
                         {"quota_cores", 1000},
                         {"corrupt_image", false}}}});
    NewWorld();
  }

  void NewWorld() {
    world_ = std::make_unique<World>(TheStub().url() + "/identity", clock_);
    world_->request = SmallRequest(kImage, kExternal);
  }

  static json Dump() { return TheStub().Get("/_dump"); }
  static std::vector<std::string> Left() { return Leftovers(Dump(), kUid); }
  static void Options(const json& options) {
    TheStub().Control({{"options", options}});
  }
  static void Faults(const json& faults) {
    TheStub().Control({{"faults", faults}});
  }

  // What a small cluster is, counted; each thing once.
  void ExpectWhole(size_t nodes, bool octavia = true) {
    const json dump = Dump();
    EXPECT_THAT(dump["networks"], SizeIs(2));  // one is the floating IPs'
    EXPECT_THAT(dump["subnets"], SizeIs(1));
    EXPECT_THAT(dump["routers"], SizeIs(1));
    EXPECT_THAT(dump["security_groups"], SizeIs(1));
    EXPECT_THAT(dump["server_groups"], SizeIs(1));
    EXPECT_THAT(dump["servers"], SizeIs(nodes));
    EXPECT_THAT(dump["volumes"], SizeIs(2 * nodes));
    EXPECT_THAT(dump["ports"], SizeIs(nodes + 1 + (octavia ? 1 : 0)));
    EXPECT_THAT(dump["loadbalancers"], SizeIs(octavia ? 1 : 0));
    EXPECT_THAT(dump["members"], SizeIs(octavia ? 3 * 5 : 0));
    EXPECT_THAT(dump["listeners"], SizeIs(octavia ? 5 : 0));
    EXPECT_THAT(dump["pools"], SizeIs(octavia ? 5 : 0));
    EXPECT_THAT(dump["healthmonitors"], SizeIs(octavia ? 5 : 0));
    ASSERT_THAT(dump["floatingips"], SizeIs(1));
    EXPECT_FALSE(dump["floatingips"].begin()->at("port_id").is_null());
    for (const json& server : dump["servers"]) {
      EXPECT_EQ(server["status"], "ACTIVE");
      EXPECT_THAT(
          server["metadata"].value("constellation-control-planes-0", ""),
          HasSubstr("node-control-plane-default-2=192.168.178."));
    }
  }

  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  std::unique_ptr<World> world_;
};

TEST_F(OpenStackFlowTest, CreatesPlansScalesAndTerminates) {
  ASSERT_THAT(world_->provider().CheckOnline(world_->request), IsOk());
  const EngineResult made = world_->Apply();
  ASSERT_THAT(made.status, IsOk());
  ExpectWhole(5);

  ASSERT_OK_AND_ASSIGN(
      const ClusterInfrastructure infrastructure,
      world_->provider().Infrastructure(world_->request, made.outputs));
  EXPECT_EQ(infrastructure.cluster_endpoint, "203.0.113.10");
  EXPECT_EQ(infrastructure.in_cluster_endpoint, "192.168.178.10");
  EXPECT_THAT(infrastructure.api_server_cert_sans,
              ElementsAre("203.0.113.10", "192.168.178.10"));
  EXPECT_EQ(infrastructure.details.at("networkID").size(), 36);

  ASSERT_THAT(world_->Apply().status, IsOk());
  EXPECT_TRUE(world_->plan.Empty()) << PlanToText(world_->plan);

  world_->request.groups[1].count = 4;
  ASSERT_THAT(world_->Apply().status, IsOk());
  EXPECT_EQ(world_->plan.Count(PlanAction::kReplace), 0);
  ExpectWhole(7);

  world_->request.groups[1].count = 1;
  EXPECT_THAT(world_->Apply().status,
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("would be deleted")));
  world_->options.allow_deletion = true;
  ASSERT_THAT(world_->Apply().status, IsOk());
  ExpectWhole(4);

  ASSERT_THAT(world_->Terminate().status, IsOk());
  EXPECT_THAT(Left(), IsEmpty());
  EXPECT_THAT(Dump()["networks"], SizeIs(1));
  EXPECT_THAT(Dump()["ports"], IsEmpty());
  EXPECT_THAT(Dump()["volumes"], IsEmpty());
  EXPECT_FALSE(world_->storage.exists());
}

TEST_F(OpenStackFlowTest, LosesTheJournalAndStillFindsEverything) {
  ASSERT_THAT(world_->Apply().status, IsOk());
  NewWorld();
  ASSERT_THAT(world_->Apply().status, IsOk());
  EXPECT_TRUE(world_->plan.Empty()) << PlanToText(world_->plan);
  NewWorld();
  ASSERT_THAT(world_->Terminate().status, IsOk());
  EXPECT_THAT(Left(), IsEmpty());
  EXPECT_THAT(Dump()["ports"], IsEmpty());
}

TEST_F(OpenStackFlowTest, WithoutOctaviaTheFirstControlPlaneIsTheEndpoint) {
  Options({{"octavia", false}});
  ASSERT_THAT(world_->Apply().status, IsOk());
  ExpectWhole(5, /*octavia=*/false);
  const json dump = Dump();
  const std::string port =
      dump["floatingips"].begin()->at("port_id").get<std::string>();
  EXPECT_EQ(dump["ports"][port]["fixed_ips"][0]["ip_address"],
            "192.168.178.10");
  EXPECT_EQ(dump["ports"][port]["name"],
            "demo-0a1b2c3d-port-control-plane-default-0");
  ASSERT_THAT(world_->Terminate().status, IsOk());
  EXPECT_THAT(Left(), IsEmpty());
}

TEST_F(OpenStackFlowTest, InternalEndpointHasNoFloatingIp) {
  world_->request.internal_load_balancer = true;
  const EngineResult made = world_->Apply();
  ASSERT_THAT(made.status, IsOk());
  EXPECT_THAT(Dump()["floatingips"], IsEmpty());
  ASSERT_OK_AND_ASSIGN(
      const ClusterInfrastructure infrastructure,
      world_->provider().Infrastructure(world_->request, made.outputs));
  EXPECT_EQ(infrastructure.cluster_endpoint, "192.168.178.10");
}

// CONSTELLATION_EVERY_STEP asks for all of them, which takes minutes. `stride`
// must be odd: every other death is followed by a deletion.
int Stride(int stride) {
  return std::getenv("CONSTELLATION_EVERY_STEP") != nullptr ? 1 : stride;
}

// Dies at every 23rd step of making; then goes on, or deletes at once.
TEST_F(OpenStackFlowTest, DiesWhileMakingAndGoesOn) {
  world_->request.groups[1].count = 0;
  world_->request.groups[0].count = 1;
  int deaths = 0;
  for (int step = 1;; step += Stride(23)) {
    TheStub().Control({{"reset", true}});
    const ClusterRequest request = world_->request;
    NewWorld();
    world_->request = request;
    world_->options.allow_deletion = true;
    world_->kill.Arm(step);
    (void)world_->Apply();
    const bool died = world_->kill.dead();
    world_->kill.Arm(0);
    clock_.Advance(absl::Seconds(step * 37 % 900));
    if (step % 2 == 1) {
      ASSERT_THAT(world_->Apply().status, IsOk()) << "step " << step;
      const json dump = Dump();
      ASSERT_THAT(dump["servers"], SizeIs(1)) << "step " << step;
      ASSERT_THAT(dump["ports"], SizeIs(3)) << "step " << step;
      ASSERT_THAT(dump["members"], SizeIs(5)) << "step " << step;
      ASSERT_THAT(dump["loadbalancers"], SizeIs(1)) << "step " << step;
      ASSERT_THAT(dump["security_group_rules"], SizeIs(5)) << "step " << step;
    }
    ASSERT_THAT(world_->Terminate().status, IsOk()) << "step " << step;
    ASSERT_THAT(Left(), IsEmpty()) << "step " << step;
    ASSERT_FALSE(world_->storage.exists());
    deaths += died ? 1 : 0;
    if (!died) {
      break;
    }
  }
  EXPECT_GT(deaths, 5);
}

TEST_F(OpenStackFlowTest, DiesWhileDeletingAndFinishes) {
  world_->request.groups[1].count = 0;
  world_->request.groups[0].count = 1;
  const ClusterRequest request = world_->request;
  for (int step = 1;; step += Stride(11)) {
    TheStub().Control({{"reset", true}});
    NewWorld();
    world_->request = request;
    ASSERT_THAT(world_->Apply().status, IsOk());
    world_->kill.Arm(step);
    (void)world_->Terminate();
    const bool died = world_->kill.dead();
    world_->kill.Arm(0);
    ASSERT_THAT(world_->Terminate().status, IsOk()) << "step " << step;
    ASSERT_THAT(Left(), IsEmpty()) << "step " << step;
    if (!died) {
      break;
    }
  }
}

// Every create is executed, and its answer lost.
TEST_F(OpenStackFlowTest, LostAnswersMakeNothingTwice) {
  Faults({{{"method", "POST"},
           {"path", "^/(network|compute|load-balancer)/"},
           {"count", 100},
           {"skip", 0},
           {"after", true},
           {"drop", true}}});
  world_->request.groups[0].count = 3;
  const EngineResult made = world_->Apply();
  ASSERT_THAT(made.status, IsOk());
  ExpectWhole(5);
  ASSERT_THAT(world_->Terminate().status, IsOk());
  EXPECT_THAT(Left(), IsEmpty());
}

TEST_F(OpenStackFlowTest, BearsThrottlingAndServerErrors) {
  Faults({{{"path", "servers"},
           {"status", 429},
           {"count", 6},
           {"headers", {{"Retry-After", "3"}}}},
          {{"path", "ports"}, {"status", 503}, {"count", 7}},
          {{"path", "security-group"}, {"status", 500}, {"count", 3}},
          {{"path", "volumes"},
           {"status", 413},
           {"count", 2},
           {"headers", {{"Retry-After", "1"}}}},
          {{"method", "POST"},
           {"path", "loadbalancers"},
           {"status", 504},
           {"count", 1},
           {"after", true}},
          {{"path", "identity"}, {"status", 502}, {"count", 2}}});
  ASSERT_THAT(world_->Apply().status, IsOk());
  ExpectWhole(5);
  Faults({{{"method", "DELETE"},
           {"path", "."},
           {"status", 500},
           {"count", 9},
           {"after", true}}});
  ASSERT_THAT(world_->Terminate().status, IsOk());
  EXPECT_THAT(Left(), IsEmpty());
}

TEST_F(OpenStackFlowTest, LogsInAgainWhenTokensEnd) {
  Options({{"token_uses", 9}});
  ASSERT_THAT(world_->Apply().status, IsOk());
  ExpectWhole(5);
  size_t logins = 0;
  const json log = TheStub().Get("/_requests");
  for (const json& each : log["requests"]) {
    logins += each[1] == "/identity/v3/auth/tokens" ? 1 : 0;
  }
  EXPECT_GT(logins, 5);
}

// Pages of two, with links that lead elsewhere; filters that are ignored.
TEST_F(OpenStackFlowTest, ReadsAllPagesAndFollowsNoLink) {
  Options({{"page", 2}, {"neutron_description_filter", false}});
  ASSERT_THAT(world_->Apply().status, IsOk());
  ASSERT_THAT(world_->Apply().status, IsOk());
  EXPECT_TRUE(world_->plan.Empty()) << PlanToText(world_->plan);
  ExpectWhole(5);
  ASSERT_OK_AND_ASSIGN(const auto instances,
                       world_->provider().Instances(world_->request.identity));
  EXPECT_THAT(instances, SizeIs(5));
  ASSERT_THAT(world_->Terminate().status, IsOk());
  EXPECT_THAT(Left(), IsEmpty());
}

TEST_F(OpenStackFlowTest, SweepsWhatKubernetesLeft) {
  ASSERT_THAT(world_->Apply().status, IsOk());
  const json dump = Dump();
  const std::string subnet = dump["subnets"].begin().key();
  TheStub().Control(
      {{"add",
        {{"loadbalancers",
          {{{"id", "lb-k8s"},
            {"name", "kube_service_constellation-0a1b2c3d_default_web"},
            {"tags", json::array()},
            {"provisioning_status", "ACTIVE"},
            {"vip_port_id", "p"},
            {"vip_address", "192.168.178.99"},
            {"looked", 5},
            {"lb", "lb-k8s"}}}},
         {"floatingips",
          {{{"id", "fip-k8s"},
            {"description",
             "Floating IP for Kubernetes external service web from cluster "
             "constellation-0a1b2c3d"},
            {"port_id", nullptr},
            {"tags", json::array()},
            {"floating_ip_address", "203.0.113.99"},
            {"status", "DOWN"}}}},
         {"volumes",
          {{{"id", "vol-k8s"},
            {"name", "pvc-1"},
            {"status", "available"},
            {"metadata",
             {{"cinder.csi.openstack.org/cluster", "constellation-0a1b2c3d"}}}},
           {{"id", "vol-other"},
            {"name", "pvc-2"},
            {"status", "available"},
            {"metadata",
             {{"cinder.csi.openstack.org/cluster", "other"}}}}}}}}});
  ASSERT_THAT(world_->Apply().status, IsOk());
  EXPECT_THAT(Dump()["loadbalancers"], SizeIs(2)) << "apply deletes it";
  ASSERT_THAT(world_->Terminate().status, IsOk());
  EXPECT_THAT(Left(), IsEmpty());
  EXPECT_THAT(Dump()["floatingips"], IsEmpty());
  EXPECT_THAT(Dump()["volumes"], SizeIs(1)) << "another cluster's";
}

TEST_F(OpenStackFlowTest, LeavesOthersPortsAloneAndSaysWhatIsInTheWay) {
  ASSERT_THAT(world_->Apply().status, IsOk());
  const json dump = Dump();
  std::string network;
  for (const auto& [id, element] : dump["networks"].items()) {
    network = id == kExternal ? network : id;
  }
  TheStub().Control({{"add",
                      {{"ports",
                        {{{"id", "foreign"},
                          {"name", "somebody's"},
                          {"description", ""},
                          {"network_id", network},
                          {"device_owner", "compute:nova"},
                          {"device_id", "other"},
                          {"tags", json::array()},
                          {"fixed_ips",
                           {{{"subnet_id", dump["subnets"].begin().key()},
                             {"ip_address", "192.168.178.200"}}}}}}}}}});
  const EngineResult stuck = world_->Terminate();
  EXPECT_THAT(stuck.status, Not(IsOk()));
  EXPECT_THAT(FailuresToText(stuck), HasSubstr("Something still uses it"));
  EXPECT_TRUE(world_->storage.exists());
  EXPECT_TRUE(Dump()["ports"].contains("foreign"));
  TheStub().Control(
      {{"remove", json::array({json::array({"ports", "foreign"})})}});
  ASSERT_THAT(world_->Terminate().status, IsOk());
  EXPECT_THAT(Left(), IsEmpty());
}

TEST_F(OpenStackFlowTest, ExplainsThatNoHostHasRoom) {
  Options({{"server_error", "No valid host was found. "}});
  const EngineResult failed = world_->Apply();
  EXPECT_THAT(failed.status,
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("no host has room for the flavor")));
  EXPECT_THAT(FailuresToText(failed), HasSubstr("choose another zone"));
  Options({{"server_error", ""}});
  ASSERT_THAT(world_->Apply().status, IsOk());
  ExpectWhole(5);
}

TEST_F(OpenStackFlowTest, ExplainsTheQuota) {
  Options({{"quota_cores", 8}});
  EXPECT_THAT(world_->provider().CheckOnline(world_->request),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("quota: 20 cores more are wanted, 0 of 8")));
  const EngineResult failed = world_->Apply();
  ASSERT_FALSE(failed.failures.empty());
  EXPECT_EQ(failed.failures[0].error.kind, CloudErrorKind::kQuota);
  EXPECT_THAT(FailuresToText(failed), HasSubstr("ask the cloud for a higher"));
  ASSERT_THAT(world_->Terminate().status, IsOk());
  EXPECT_THAT(Left(), IsEmpty());
}

TEST_F(OpenStackFlowTest, ReportsABalancerThatFails) {
  Options({{"lb_error", true}});
  EXPECT_THAT(world_->Apply().status,
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("octavia says ERROR")));
  Options({{"lb_error", false}});
  ASSERT_THAT(world_->Terminate().status, IsOk());
  EXPECT_THAT(Left(), IsEmpty());
}

TEST_F(OpenStackFlowTest, MakesDoWithOvnBalancers) {
  Options({{"lb_provider", "ovn"}});
  ASSERT_THAT(world_->Apply().status, IsOk());
  ExpectWhole(5);
  ASSERT_THAT(world_->Apply().status, IsOk());
  EXPECT_TRUE(world_->plan.Empty()) << PlanToText(world_->plan);
}

TEST_F(OpenStackFlowTest, ChangesSourcesInPlace) {
  ASSERT_THAT(world_->Apply().status, IsOk());
  world_->request.allowed_sources = {"203.0.113.0/24", "198.51.100.8/32"};
  world_->request.tags["team"] = "red";
  ASSERT_THAT(world_->Apply().status, IsOk());
  EXPECT_EQ(world_->plan.Count(PlanAction::kReplace), 0);
  EXPECT_GE(world_->plan.Count(PlanAction::kUpdate), 3);
  const json dump = Dump();
  for (const json& listener : dump["listeners"]) {
    EXPECT_THAT(DumpJson(listener["allowed_cidrs"]),
                Not(HasSubstr("198.51.100.7")));
    EXPECT_EQ(listener["allowed_cidrs"].size(),
              listener["name"] == "join" ? 1 : 3);
  }
  std::set<std::string> sources;
  for (const json& rule : dump["security_group_rules"]) {
    sources.insert(rule["remote_ip_prefix"].get<std::string>());
  }
  EXPECT_THAT(sources, ElementsAre("192.168.178.0/24", "198.51.100.8/32",
                                   "203.0.113.0/24"));
  ASSERT_THAT(world_->Apply().status, IsOk());
  EXPECT_TRUE(world_->plan.Empty()) << PlanToText(world_->plan);
}

TEST_F(OpenStackFlowTest, ReplacesANodeWithTheNewImage) {
  ASSERT_THAT(world_->Apply().status, IsOk());
  json image = Dump()["images"][kImage];
  image["id"] = "bbbb0000-0000-4000-8000-000000000002";
  TheStub().Control({{"add", {{"images", json::array({image})}}}});
  world_->request.image = image["id"].get<std::string>();
  ASSERT_THAT(world_->Apply().status, IsOk());  // the template only
  EXPECT_EQ(world_->plan.Count(PlanAction::kReplace), 0);

  const ClusterIdentity cluster = world_->request.identity;
  ASSERT_OK_AND_ASSIGN(const auto before,
                       world_->provider().Instances(cluster));
  const auto node = std::ranges::find_if(before, [](const auto& each) {
    return each.metadata.name == "demo-0a1b2c3d-node-worker-default-1";
  });
  ASSERT_NE(node, before.end());
  EXPECT_EQ(node->group, "worker_default");
  EXPECT_EQ(node->metadata.role, NodeRole::kWorker);
  EXPECT_EQ(node->state, "ACTIVE");
  ASSERT_OK_AND_ASSIGN(const std::string console,
                       world_->provider().ConsoleLog(cluster, node->id));
  EXPECT_THAT(console, HasSubstr("constellation-status"));
  ClusterIdentity other = cluster;
  other.uid = "ffffffff";
  EXPECT_THAT(world_->provider().ReplaceInstance(other, node->id),
              StatusIs(absl::StatusCode::kPermissionDenied));

  ASSERT_THAT(world_->provider().ReplaceInstance(cluster, node->id), IsOk());
  clock_.Advance(absl::Minutes(3));
  ASSERT_THAT(world_->Apply().status, IsOk());
  ExpectWhole(5);
  ASSERT_OK_AND_ASSIGN(const auto after, world_->provider().Instances(cluster));
  EXPECT_THAT(after, SizeIs(5));
  EXPECT_EQ(std::ranges::find(after, node->id, &ClusterInstance::id),
            after.end());
}

TEST_F(OpenStackFlowTest, FindsWhatIsWrongBeforeAnythingIsMade) {
  world_->request.image = "nothing";
  world_->request.attestation_variant = "gcp-tdx";
  world_->request.groups[0].zone = "mars";
  world_->request.groups[0].state_disk_type = "golden";
  world_->request.groups[1].instance_type = "twice";
  world_->request.settings = OpenStackSettings{.floating_ip_pool_id = "none"};
  const absl::Status status = world_->provider().CheckOnline(world_->request);
  for (const char* finding :
       {"there is no network \"none\"", "there is no image \"nothing\"",
        "no availability zone \"mars\"", "no volume type \"golden\"",
        "more than one flavor \"twice\"",
        "offers amd-sev-snp, attestation wants intel-tdx"}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr(finding)));
  }
  EXPECT_THAT(Left(), IsEmpty());
}

class OpenStackImageTest : public OpenStackFlowTest {
 protected:
  OpenStackImageTest() : path_(::testing::TempDir() + "/openstack-image.raw") {
    std::ofstream(path_) << std::string(300'000, 'x');
    upload_ = {.path = path_,
               .name = "constellation v2.24.0",
               .version = "v2.24.0",
               .attestation_variant = "qemu-vtpm"};
  }
  ~OpenStackImageTest() override { std::remove(path_.c_str()); }

  absl::StatusOr<std::string> Upload() {
    return world_->provider().UploadImage(upload_, {});
  }

  const std::string path_;
  ImageUpload upload_;
};

TEST_F(OpenStackImageTest, UploadsOnceAndKeepsWhatIsThere) {
  ASSERT_OK_AND_ASSIGN(const std::string id, Upload());
  const json image = Dump()["images"][id];
  EXPECT_EQ(image["status"], "active");
  EXPECT_EQ(image["size"], 300'000);
  EXPECT_EQ(image["hw_firmware_type"], "uefi");
  EXPECT_EQ(image["hw_tpm_model"], "tpm-crb");
  EXPECT_EQ(image["min_disk"], 1);
  ASSERT_OK_AND_ASSIGN(const std::string again, Upload());
  EXPECT_EQ(again, id);
  EXPECT_THAT(Dump()["images"], SizeIs(2));
}

TEST_F(OpenStackImageTest, FillsWhatAnEarlierRunAnnounced) {
  Faults({{{"method", "PUT"}, {"path", "/file"}, {"status", 500}}});
  EXPECT_THAT(Upload(), Not(IsOk()));
  EXPECT_THAT(Dump()["images"], SizeIs(2));
  EXPECT_THAT(Upload(), IsOk());
  EXPECT_THAT(Dump()["images"], SizeIs(2));
}

TEST_F(OpenStackImageTest, RefusesAnImageThatArrivedOtherwise) {
  Options({{"corrupt_image", true}});
  EXPECT_THAT(Upload(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(Dump()["images"], SizeIs(1)) << "it was not deleted";
}

TEST_F(OpenStackImageTest, RefusesAFileThatIsNotTheOneMeant) {
  upload_.sha256 = std::string(64, '0');
  EXPECT_THAT(Upload(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("SHA-256")));
  EXPECT_THAT(Dump()["images"], SizeIs(1));
}

}  // namespace
}  // namespace constellation::cloud::openstack::testing
