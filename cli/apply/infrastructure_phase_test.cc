// SPDX-License-Identifier: Apache-2.0
#include "cli/apply/infrastructure_phase.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/terminal/interrupt.h"
#include "cli/testing/fake_cluster.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "crypto/hash.h"

namespace constellation::cli {
namespace {

using cloud::qemu::PowerState;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(PlannedNodesTest, ControlPlaneComesFirst) {
  Config config;
  config.name = "c";
  config.node_groups[std::string(kWorkerGroup)] = {
      .role = std::string(kWorkerRole), .initial_count = 1};
  config.node_groups["a_pool"] = {.role = std::string(kWorkerRole),
                                  .initial_count = 2};
  config.node_groups[std::string(kControlPlaneGroup)] = {
      .role = std::string(kControlPlaneRole), .initial_count = 2};
  std::vector<std::string> names;
  for (const StateNode& node : PlannedNodes(config)) {
    names.push_back(node.name + " " + node.role);
  }
  EXPECT_THAT(
      names, ElementsAre("c-control-plane-0 control-plane",
                         "c-control-plane-1 control-plane", "c-a-pool-0 worker",
                         "c-a-pool-1 worker", "c-worker-0 worker"));
}

TEST(PlannedNodesTest, EmptyGroupsHaveNoNodes) {
  Config config;
  config.node_groups["x"] = {.role = std::string(kWorkerRole),
                             .initial_count = 0};
  EXPECT_TRUE(PlannedNodes(config).empty());
}

class InfrastructurePhaseTest : public testing::FakeClusterTest {
 protected:
  ~InfrastructurePhaseTest() override { SetInterruptedForTesting(false); }
};

TEST_F(InfrastructurePhaseTest, MakesPinsAndStartsMachines) {
  config_.custom_endpoint = "cluster.example";
  ASSERT_THAT(CreateMachines(), IsOk());
  const Infrastructure& made = state_.infrastructure;
  EXPECT_EQ(made.name, "mini");
  EXPECT_EQ(made.uid.size(), 8U);
  EXPECT_EQ(made.uid, world_.uid);
  EXPECT_EQ(made.cluster_endpoint, "127.0.0.1");
  EXPECT_EQ(made.qemu.image, "/images/default.raw");
  EXPECT_THAT(made.api_server_cert_sans,
              ElementsAre("127.0.0.1", "localhost", "cluster.example"));
  EXPECT_EQ(state_.cluster_values.measurement_salt.size(), 64U);
  EXPECT_NE(state_.cluster_values.measurement_salt, made.init_secret);
  for (const char* name : {kControlPlane, kWorker}) {
    EXPECT_EQ(world_.node(name).power, PowerState::kRunning);
    EXPECT_EQ(Node(name).ak_name,
              HexEncode(world_.node(name).tpm->enrolled().ak_name));
    EXPECT_NE(Node(name).ports.init, 0);
    EXPECT_NE(Node(name).ports.recovery, 0);
  }
  EXPECT_EQ(world_.init_secret_hash,
            HexEncode(crypto::Sha256(*HexDecode(made.init_secret))));
}

TEST_F(InfrastructurePhaseTest, MeasuresBeforeItMakesAnything) {
  world_.image_status = absl::NotFoundError("no image");
  EXPECT_THAT(CreateMachines(),
              StatusIs(absl::StatusCode::kNotFound, "no image"));
  EXPECT_FALSE(FileExists(workspace_.state_path()));
  EXPECT_FALSE(world_.exists);
}

TEST_F(InfrastructurePhaseTest, PinsWhatTheImageHolds) {
  ASSERT_THAT(CreateMachines(), IsOk());
  EXPECT_EQ(state_.infrastructure.qemu.measurements.at(9).expected,
            HexEncode(testing::FakeWorld::ImageProfile().pcrs.at(9)));
}

TEST_F(InfrastructurePhaseTest, ConfiguredMeasurementsArePinnedAsTheyAre) {
  config_.measurements[4].expected =
      HexEncode(testing::FakeWorld::ImageProfile().pcrs.at(4));
  ASSERT_THAT(CreateMachines(), IsOk());
  EXPECT_EQ(state_.infrastructure.qemu.measurements, config_.measurements);
}

TEST_F(InfrastructurePhaseTest, NamesEveryRegisterThatDiffers) {
  config_.measurements[4].expected = std::string(64, 'a');
  config_.measurements[9].expected = std::string(64, 'b');
  EXPECT_THAT(
      CreateMachines(),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               "/images/default.raw is not the image that "
               "attestation.qemuVTPM.measurements demands:\n  PCR 4: config " +
                   std::string(64, 'a') + ", image " +
                   HexEncode(testing::FakeWorld::ImageProfile().pcrs.at(4)) +
                   "\n  PCR 9: config " + std::string(64, 'b') + ", image " +
                   HexEncode(testing::FakeWorld::ImageProfile().pcrs.at(9))));
}

TEST_F(InfrastructurePhaseTest, WarningOnlyDifferencesAreAllowed) {
  config_.measurements[4] = {.expected = std::string(64, 'a'),
                             .warn_only = true};
  EXPECT_THAT(CreateMachines(), IsOk());
}

TEST_F(InfrastructurePhaseTest, KubernetesVersionMayComeFromTheConfig) {
  world_.kubernetes_version = "";
  EXPECT_THAT(CreateMachines(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                         HasSubstr("set kubernetesVersion")));
  config_.kubernetes_version = "v1.20.2";
  state_ = {};
  EXPECT_THAT(CreateMachines(), IsOk());
}

TEST_F(InfrastructurePhaseTest, KeepsMeasurementSaltThatIsThere) {
  state_.cluster_values.measurement_salt = std::string(64, '1');
  ASSERT_THAT(CreateMachines(), IsOk());
  EXPECT_EQ(state_.cluster_values.measurement_salt, std::string(64, '1'));
}

TEST_F(InfrastructurePhaseTest, RefusesUnknownMachines) {
  world_.exists = true;
  EXPECT_THAT(CreateMachines(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("that the state file does not know")));
  EXPECT_TRUE(world_.log().empty());
}

TEST_F(InfrastructurePhaseTest, RefusesMachinesOfAnotherCluster) {
  ASSERT_THAT(CreateMachines(), IsOk());
  world_.uid = "0badc0de";
  EXPECT_THAT(CreateMachines(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("belong to cluster 0badc0de, the state file "
                                 "to " +
                                 state_.infrastructure.uid)));
}

TEST_F(InfrastructurePhaseTest, RefusesNewName) {
  ASSERT_THAT(CreateMachines(), IsOk());
  config_.name = "other";
  EXPECT_THAT(CreateMachines(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "the cluster is called mini, the config file says "
                       "other; a name cannot be changed"));
}

TEST_F(InfrastructurePhaseTest, RefusesUnknownAccelerator) {
  config_.qemu.accelerator = "steam";
  EXPECT_THAT(CreateMachines(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("steam")));
  EXPECT_FALSE(world_.exists);
}

// A TPM is pinned once: what the platform says later changes nothing.
TEST_F(InfrastructurePhaseTest, NeverPinsTwice) {
  ASSERT_THAT(CreateMachines(), IsOk());
  const std::string pin = Node(kWorker).ak_name;
  world_.node(kWorker).tpm =
      std::make_unique<constellation::testing::SoftwareTpm>();
  ASSERT_THAT(CreateMachines(), IsOk());
  EXPECT_EQ(Node(kWorker).ak_name, pin);
}

// A machine that runs before its TPM was pinned never got a key.
TEST_F(InfrastructurePhaseTest, StopsMachineToPinItsTpm) {
  ASSERT_THAT(CreateMachines(), IsOk());
  Node(kWorker).ak_name.clear();
  ASSERT_THAT(CreateMachines(), IsOk());
  EXPECT_THAT(world_.log(), Contains("stop mini-worker-0"));
  EXPECT_THAT(world_.log(), Not(Contains("stop mini-control-plane-0")));
  EXPECT_NE(Node(kWorker).ak_name, "");
  EXPECT_EQ(world_.node(kWorker).power, PowerState::kRunning);
}

TEST_F(InfrastructurePhaseTest, StateIsWrittenBeforeMachinesAreMade) {
  world_.CrashAt(1, false);
  EXPECT_THAT(CreateMachines(), StatusIs(absl::StatusCode::kInternal,
                                         HasSubstr("crash before open")));
  ASSERT_OK_AND_ASSIGN(const State saved, workspace_.LoadState());
  EXPECT_EQ(saved.infrastructure.uid, state_.infrastructure.uid);
  EXPECT_EQ(saved.infrastructure.qemu.nodes.size(), 2U);
}

TEST_F(InfrastructurePhaseTest, InterruptStopsBetweenMachines) {
  SetInterruptedForTesting(true);
  EXPECT_THAT(CreateMachines(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(world_.log(), Not(Contains("start mini-worker-0")));
}

TEST_F(InfrastructurePhaseTest, ErrorsNameTheNode) {
  ASSERT_THAT(CreateMachines(), IsOk());
  const auto count = static_cast<int>(world_.log().size());
  world_.CrashAt(1, false);
  ASSERT_THAT(CreateMachines(), StatusIs(absl::StatusCode::kInternal));
  // The last operation of a run is the start of the worker.
  world_.StopCrashing();
  ASSERT_GT(count, 0);
  world_.CrashAt(5, false);
  EXPECT_THAT(CreateMachines(),
              StatusIs(absl::StatusCode::kInternal,
                       "start mini-worker-0: crash before start "
                       "mini-worker-0"));
}

}  // namespace
}  // namespace constellation::cli
