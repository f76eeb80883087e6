// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/cloud_infrastructure.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "cli/exit_code.h"
#include "cli/testing/cloud_workspace.h"
#include "cloud/engine/cloud_error.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "crypto/hash.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using testing::CloudTestConfig;
using ::testing::Contains;
using ::testing::ElementsAreArray;
using testing::FakeCloud;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class CloudInfrastructureTest : public testing::CloudWorkspace {};

TEST_F(CloudInfrastructureTest, CreatesWhatConfigWants) {
  ASSERT_THAT(Create(), IsOk());
  const State state = LoadedState();
  const Infrastructure& infrastructure = state.infrastructure;
  EXPECT_EQ(infrastructure.cloud.provider, "aws");
  EXPECT_EQ(infrastructure.cluster_endpoint, "127.0.0.1");
  // Host names are kept in lower case.
  EXPECT_EQ(infrastructure.in_cluster_endpoint, "lb.inside.example");
  EXPECT_THAT(infrastructure.api_server_cert_sans,
              ElementsAreArray({"lb.example", "127.0.0.1"}));
  EXPECT_EQ(infrastructure.ip_cidr_node, "192.168.178.0/24");
  EXPECT_TRUE(infrastructure.cloud.details.contains("vpc"));
  EXPECT_THAT(cloud_.Inventory(infrastructure.uid),
              ElementsAreArray(FakeCloud::WholeInventory()));
  EXPECT_EQ(cloud_.plans_shown, 1);
  EXPECT_THAT(cloud_.calls, Contains("check"));
  // Without `init` nobody is judged yet.
  EXPECT_EQ(infrastructure.cloud.attestation_profile, "");
}

TEST_F(CloudInfrastructureTest, RequestHasHashOfInitSecretOnly) {
  ASSERT_THAT(Create(), IsOk());
  const std::string& secret = LoadedState().infrastructure.init_secret;
  EXPECT_EQ(cloud_.request.init_secret_sha256,
            HexEncode(crypto::Sha256(*HexDecode(secret))));
  ASSERT_EQ(cloud_.request.groups.size(), 2U);
  EXPECT_EQ(cloud_.request.groups[0].name, "control_plane_default");
  EXPECT_EQ(cloud_.request.groups[0].count, 3);
  EXPECT_EQ(cloud_.request.groups[1].instance_type, "m6a.xlarge");
  EXPECT_THAT(cloud_.request.allowed_sources,
              ElementsAreArray({"203.0.113.7/32"}));
  EXPECT_EQ(cloud_.request.identity.scope, cloud_.scope);
  EXPECT_EQ(cloud_.request.image, "ami-1");
}

TEST_F(CloudInfrastructureTest, SecondRunChangesNothingAndAsksNobody) {
  ASSERT_THAT(Create(), IsOk());
  const std::string state = *ReadFile(Open().state_path());
  const int made = cloud_.memory.creations();
  ASSERT_THAT(Create(), IsOk());
  EXPECT_EQ(cloud_.plans_shown, 1);
  EXPECT_EQ(cloud_.memory.creations(), made);
  EXPECT_EQ(*ReadFile(Open().state_path()), state);
}

TEST_F(CloudInfrastructureTest, GrownGroupIsChangedInPlace) {
  ASSERT_THAT(Create(), IsOk());
  const int made = cloud_.memory.creations();
  Config config = CloudTestConfig();
  config.node_groups.at("worker_default").initial_count = 4;
  WriteConfig(config);
  ClusterTools tools = Tools();
  ASSERT_OK_AND_ASSIGN(const CloudPlan planned,
                       PlanCloud(Open(), config, LoadedState(), tools, true));
  EXPECT_EQ(planned.plan.Count(cloud::PlanAction::kUpdate), 1U);
  EXPECT_EQ(planned.plan.Count(cloud::PlanAction::kUnchanged), 3U);
  ASSERT_THAT(Create(), IsOk());
  EXPECT_EQ(cloud_.memory.creations(), made);
  EXPECT_TRUE(world_.HasNode("demo-worker-3"));
}

TEST_F(CloudInfrastructureTest, PlanWritesNothing) {
  ClusterTools tools = Tools();
  State state;
  ASSERT_THAT(PrepareCloudState(CloudTestConfig(), state), IsOk());
  ASSERT_OK_AND_ASSIGN(
      const CloudPlan planned,
      PlanCloud(Open(), CloudTestConfig(), state, tools, true));
  EXPECT_EQ(planned.plan.Count(cloud::PlanAction::kCreate), 4U);
  EXPECT_FALSE(FileExists(Open().state_path()));
  EXPECT_FALSE(FileExists(Open().cloud_journal_path()));
  EXPECT_THAT(cloud_.Inventory(state.infrastructure.uid), IsEmpty());
}

TEST_F(CloudInfrastructureTest, WithoutApprovalNothingIsLeftBehind) {
  cloud_.approval = FailedPrecondition("not confirmed");
  EXPECT_THAT(Create(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_FALSE(FileExists(Open().state_path()));
  EXPECT_FALSE(FileExists(Open().cloud_journal_path()));
  EXPECT_EQ(cloud_.memory.creations(), 0);
}

TEST_F(CloudInfrastructureTest, WhatTheCloudCannotGiveIsToldBeforeApproval) {
  cloud_.check_status = InvalidArgument("nodeGroups.worker_default: no quota");
  EXPECT_THAT(Create(), StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr("no quota")));
  EXPECT_EQ(cloud_.plans_shown, 0);
  EXPECT_FALSE(FileExists(Open().state_path()));
}

TEST_F(CloudInfrastructureTest, MissingCredentialsEndTheRunFirst) {
  cloud_.scope_status = absl::UnauthenticatedError("tried: environment, file");
  EXPECT_THAT(Create(), StatusIs(absl::StatusCode::kUnauthenticated,
                                 HasSubstr("tried: environment")));
  EXPECT_EQ(cloud_.memory.creations(), 0);
}

TEST_F(CloudInfrastructureTest, FailureNamesResourceAndNextStep) {
  cloud_.memory.FailCreate("worker-default",
                           {.kind = cloud::CloudErrorKind::kQuota,
                            .code = "VcpuLimitExceeded",
                            .message = "too many \x1b[31mprocessors"});
  const absl::Status status = Create();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted,
                               AllOf(HasSubstr("worker-default"),
                                     HasSubstr("VcpuLimitExceeded"),
                                     Not(HasSubstr("\x1b")))));
  // The next run goes on.
  EXPECT_THAT(Create(), IsOk());
  EXPECT_THAT(cloud_.Inventory(LoadedState().infrastructure.uid),
              ElementsAreArray(FakeCloud::WholeInventory()));
}

TEST_F(CloudInfrastructureTest, DestroysWorkingThingsOnlyWithConsent) {
  ASSERT_THAT(Create(), IsOk());
  Config config = CloudTestConfig();
  config.node_groups.at("worker_default").zone = "eu-west-1b";
  WriteConfig(config);
  EXPECT_THAT(Create(), StatusIs(absl::StatusCode::kFailedPrecondition));
  cloud_.engine.allow_deletion = true;
  EXPECT_THAT(Create(), IsOk());
  EXPECT_EQ(cloud_.request.groups[1].zone, "eu-west-1b");
}

TEST_F(CloudInfrastructureTest, TerminateLeavesNothing) {
  ASSERT_THAT(Create(), IsOk());
  const std::string uid = LoadedState().infrastructure.uid;
  // What Kubernetes made in our network.
  cloud_.memory.Plant("balancer", uid, "", {});
  ASSERT_THAT(Remove(), IsOk());
  EXPECT_THAT(cloud_.Inventory(uid), IsEmpty());
  EXPECT_FALSE(FileExists(Open().cloud_journal_path()));
  EXPECT_THAT(Remove(), IsOk()) << "repeating it is harmless";
}

TEST_F(CloudInfrastructureTest, TerminateAfterLostJournal) {
  ASSERT_THAT(Create(), IsOk());
  ASSERT_EQ(remove(Open().cloud_journal_path().c_str()), 0);
  ASSERT_THAT(Remove(), IsOk());
  EXPECT_THAT(cloud_.Inventory(LoadedState().infrastructure.uid), IsEmpty());
}

TEST_F(CloudInfrastructureTest, RefusesAnotherAccount) {
  ASSERT_THAT(Create(), IsOk());
  cloud_.scope = "account 2, here";
  EXPECT_THAT(Create(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                 HasSubstr("constellation-cloud.journal")));
  EXPECT_THAT(Remove(), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(CloudInfrastructureTest, RefusesAnotherNameOrProvider) {
  ASSERT_THAT(Create(), IsOk());
  Config config = CloudTestConfig();
  config.name = "other";
  WriteConfig(config);
  EXPECT_THAT(Create(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                 HasSubstr("a name cannot be changed")));
  State state = LoadedState();
  config = CloudTestConfig();
  config.provider = "gcp";
  EXPECT_THAT(PrepareCloudState(config, state),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("runs on aws, the config file says gcp")));
  WriteConfig(DefaultQemuConfig());
  EXPECT_THAT(Create(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                 HasSubstr("config file says qemu")));
}

TEST_F(CloudInfrastructureTest, InterruptBeforeChangesLeavesNothing) {
  ClusterTools tools = Tools();
  cloud_tools_.approve = [](const cloud::Plan& /*plan*/) {
    SetInterruptedForTesting(true);
    return absl::OkStatus();
  };
  const absl::Status status = Apply(
      Open(), {Phase::kInit, Phase::kAttestationConfig, Phase::kNodes}, tools);
  EXPECT_EQ(ExitCodeOf(status), ExitCode::kInterrupted);
  EXPECT_EQ(cloud_.memory.creations(), 0);
  SetInterruptedForTesting(false);
  EXPECT_THAT(Create(), IsOk());
}

TEST_F(CloudInfrastructureTest, StateFileIsPrivate) {
  ASSERT_THAT(Create(), IsOk());
  for (const std::string& path :
       {Open().state_path(), Open().cloud_journal_path()}) {
    struct stat status {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << path;
  }
}

// The run dies before or after every single call to the cloud; the next one
// must end with the whole cluster, once.
TEST(CloudCrashTest, GoesOnAfterDeathAtAnyStep) {
  for (int step = 1; step < 200; ++step) {
    SCOPED_TRACE(fmt::format("step {}", step));
    const constellation::testing::TempDir folder;
    const Workspace workspace = *Workspace::Open(folder.path());
    ASSERT_THAT(WriteFileAtomically(workspace.config_path(),
                                    RenderConfig(CloudTestConfig())),
                IsOk());
    testing::FakeWorld world;
    FakeCloud cloud(world);
    CloudTools cloud_tools = cloud.Tools();
    const ClusterTools base = world.Tools();
    ClusterTools tools = {
        base.platform, base.node_api, base.connect_cluster, base.inspect_image,
        cloud.clock,   base.progress, &cloud_tools};
    const std::set<Phase> only_machines = {
        Phase::kInit, Phase::kAttestationConfig, Phase::kNodes};
    cloud.kill.Arm(step);
    const absl::Status first = Apply(workspace, only_machines, tools);
    const bool died = cloud.kill.dead();
    const absl::StatusOr<State> before = workspace.LoadState();
    cloud.kill.Arm(0);
    ASSERT_THAT(Apply(workspace, only_machines, tools), IsOk());
    ASSERT_OK_AND_ASSIGN(const State state, workspace.LoadState());
    if (before.ok()) {
      EXPECT_EQ(before->infrastructure.uid, state.infrastructure.uid);
    }
    EXPECT_THAT(cloud.Inventory(state.infrastructure.uid),
                ElementsAreArray(FakeCloud::WholeInventory()));
    if (!died) {
      EXPECT_THAT(first, IsOk());
      EXPECT_GT(step, 20) << "it died too seldom to mean anything";
      return;
    }
    EXPECT_FALSE(first.ok());
  }
  ADD_FAILURE() << "no run came to its end";
}

}  // namespace
}  // namespace constellation::cli
