// SPDX-License-Identifier: Apache-2.0
#include "cli/apply/init_phase.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/exit_code.h"
#include "cli/terminal/interrupt.h"
#include "cli/testing/fake_cluster.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using cloud::qemu::PowerState;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::Contains;
using ::testing::HasSubstr;

class InitPhaseTest : public testing::FakeClusterTest {
 protected:
  ~InitPhaseTest() override { SetInterruptedForTesting(false); }

  absl::Status Init() {
    return InitCluster(workspace_, config_, state_, secret_, keys_, tools_);
  }

  ClusterKeys keys_ = KeysOfNewMachines();
};

TEST_F(InitPhaseTest, WritesKubeconfigAndClusterId) {
  ASSERT_THAT(Init(), IsOk());
  EXPECT_EQ(state_.cluster_values.cluster_id, HexEncode(keys_.cluster_id()));
  ASSERT_OK_AND_ASSIGN(const State saved, workspace_.LoadState());
  EXPECT_TRUE(saved.IsInitialized());
  ASSERT_OK_AND_ASSIGN(const std::string kubeconfig,
                       ReadFile(workspace_.kubeconfig_path()));
  EXPECT_THAT(kubeconfig,
              HasSubstr("https://127.0.0.1:" +
                        std::to_string(Node(kControlPlane).ports.api_server)));
  EXPECT_THAT(progress_.lines(),
              Contains("detail mini-control-plane-0: kubeadm-init (3.0s)"));
}

TEST_F(InitPhaseTest, NeedsControlPlaneNode) {
  for (StateNode& node : state_.infrastructure.qemu.nodes) {
    node.role = kWorkerRole;
  }
  EXPECT_THAT(Init(), StatusIs(absl::StatusCode::kFailedPrecondition,
                               "the state file has no control-plane node"));
  EXPECT_EQ(world_.init_calls, 0);
}

TEST_F(InitPhaseTest, NeedsVersionOfKubernetes) {
  world_.kubernetes_version = "";
  EXPECT_THAT(Init(), StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("set kubernetesVersion")));
  config_.kubernetes_version = "v1.20.2";
  EXPECT_THAT(Init(), IsOk());
}

TEST_F(InitPhaseTest, ErrorsOfTheNodeAreFinal) {
  state_.infrastructure.init_secret = std::string(64, '0');
  EXPECT_THAT(Init(), StatusIs(absl::StatusCode::kUnauthenticated,
                               "init mini-control-plane-0: wrong init secret"));
  EXPECT_EQ(world_.init_calls, 1);
}

TEST_F(InitPhaseTest, SpoiltInitSecretIsNotSent) {
  state_.infrastructure.init_secret = "no hex";
  EXPECT_THAT(Init(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(world_.init_calls, 0);
}

// The node answered, but with the ID of another cluster: nothing it says is
// kept.
TEST_F(InitPhaseTest, RefusesForeignClusterId) {
  MasterSecret other = GenerateMasterSecret();
  keys_ = *ClusterKeys::Create(other, state_.cluster_values.measurement_salt);
  const absl::Status status = Init();
  EXPECT_TRUE(IsRefusal(status)) << status;
  EXPECT_EQ(Message(status), "cluster ID: expected " +
                                 HexEncode(keys_.cluster_id()) +
                                 " (from the master secret), the node says " +
                                 HexEncode(world_.cluster_id));
  EXPECT_FALSE(FileExists(workspace_.kubeconfig_path()));
  EXPECT_FALSE(state_.IsInitialized());
}

TEST_F(InitPhaseTest, GivesUpWithTheLastReason) {
  world_.unavailable_inits = 1000000;
  EXPECT_THAT(Init(), StatusIs(absl::StatusCode::kDeadlineExceeded,
                               "node mini-control-plane-0 did not become a "
                               "cluster in 15m00s; last: connection refused"));
}

TEST_F(InitPhaseTest, InterruptEndsTheWaiting) {
  world_.unavailable_inits = 1000000;
  world_.on_sleep = [] { SetInterruptedForTesting(true); };
  EXPECT_EQ(ExitCodeOf(Init()), ExitCode::kInterrupted);
  EXPECT_EQ(world_.init_calls, 2);
}

TEST_F(InitPhaseTest, SecondInitTakesTheResultAgain) {
  ASSERT_THAT(Init(), IsOk());
  state_.cluster_values.cluster_id.clear();
  ASSERT_THAT(Init(), IsOk());
  EXPECT_EQ(state_.cluster_values.cluster_id, HexEncode(keys_.cluster_id()));
}

TEST_F(InitPhaseTest, WaitingForTheApiNeedsAKubeconfig) {
  EXPECT_THAT(WaitForApi(workspace_, state_, keys_, tools_),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("constellation-admin.conf")));
}

TEST_F(InitPhaseTest, WaitsForTheApi) {
  ASSERT_THAT(Init(), IsOk());
  int sleeps = 0;
  world_.node(kControlPlane).joined = false;
  world_.on_sleep = [&] { world_.node(kControlPlane).joined = ++sleeps >= 3; };
  EXPECT_THAT(WaitForApi(workspace_, state_, keys_, tools_), IsOk());
  EXPECT_EQ(sleeps, 3);
  EXPECT_EQ(progress_.lines().back(), "done ");
}

TEST_F(InitPhaseTest, GivesUpOnTheApi) {
  ASSERT_THAT(Init(), IsOk());
  world_.node(kControlPlane).joined = false;
  world_.on_sleep = [&] { world_.node(kControlPlane).joined = false; };
  // The fake's workers have no API server.
  world_.node(kControlPlane).spec.role = cloud::NodeRole::kWorker;
  EXPECT_THAT(WaitForApi(workspace_, state_, keys_, tools_),
              StatusIs(absl::StatusCode::kDeadlineExceeded,
                       "after 15m00s: API server does not answer"));
}

TEST_F(InitPhaseTest, NamesNodesThatAreNotReady) {
  ASSERT_THAT(Init(), IsOk());
  StateNode ghost;
  ghost.name = "mini-worker-1";
  state_.infrastructure.qemu.nodes.push_back(ghost);
  world_.node(kWorker).waits_for_key = true;  // never says so
  EXPECT_THAT(WaitForNodes(workspace_, state_, keys_, tools_),
              StatusIs(absl::StatusCode::kDeadlineExceeded,
                       "after 15m00s: mini-worker-0 (kubelet is silent), "
                       "mini-worker-1 (not registered)"));
  EXPECT_THAT(progress_.lines(),
              Contains("begin Waiting for 3 nodes to be ready"));
}

TEST_F(InitPhaseTest, NodesBecomeReady) {
  ASSERT_THAT(Init(), IsOk());
  world_.node(kWorker).power = PowerState::kStopped;  // started by the keeper
  EXPECT_THAT(WaitForNodes(workspace_, state_, keys_, tools_), IsOk());
  EXPECT_EQ(world_.node(kWorker).power, PowerState::kRunning);
}

}  // namespace
}  // namespace constellation::cli
