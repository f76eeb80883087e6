// SPDX-License-Identifier: Apache-2.0
// What the agent does without an API server; with one: real_cluster_test.cc.
#include "bootstrapper/pod_network_agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <thread>

#include "bootstrapper/init_parameters.h"
#include "bootstrapper/node_state.h"
#include "bootstrapper/testing/fake_command_runner.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::bootstrapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Ends the agent at its `enough`th report.
class StoppingStatus final : public cloud::BootStatus {
 public:
  explicit StoppingStatus(std::stop_source& stop) : stop_(stop) {}
  void Report(std::string_view phase, cloud::BootState state,
              std::string_view message) override {
    const std::lock_guard lock(mutex_);
    last_phase = phase;
    last_state = state;
    last_message = message;
    if (++reports == enough) {
      stop_.request_stop();
    }
  }

  int enough = 3;
  int reports = 0;
  std::string last_phase;
  std::string last_message;
  cloud::BootState last_state = cloud::BootState::kDone;

 private:
  std::mutex mutex_;
  std::stop_source& stop_;
};

class PodNetworkAgentTest : public ::testing::Test {
 protected:
  void WriteState() {
    NodeState state;
    state.cluster_id = Bytes(kClusterIdSize, 1);
    state.role = kWorker;
    state.node_name = "worker-0";
    EXPECT_THAT(MakeDirectories(paths_.State()), IsOk());
    EXPECT_THAT(WriteFileAtomically(paths_.NodeState(), NodeStateToJson(state)),
                IsOk());
  }
  absl::Status Run() {
    return PodNetworkAgent(runner_, paths_, status_, clock_)
        .Run(stop_.get_token());
  }

  constellation::testing::TempDir root_;
  NodePaths paths_{root_.path()};
  testing::FakeCommandRunner runner_;
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  std::stop_source stop_;
  StoppingStatus status_{stop_};
};

TEST_F(PodNetworkAgentTest, ANodeWithoutStateIsAnError) {
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(MakeDirectories(paths_.State()), IsOk());
  ASSERT_THAT(WriteFileAtomically(paths_.NodeState(), "{}"), IsOk());
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(runner_.lines(), IsEmpty());
}

// kubelet has not joined yet: the agent waits, says so, and touches nothing.
TEST_F(PodNetworkAgentTest, WaitsForKubeletsCredentials) {
  WriteState();
  EXPECT_THAT(Run(), IsOk());
  EXPECT_EQ(status_.reports, 3);
  EXPECT_EQ(status_.last_phase, "pod-network");
  EXPECT_EQ(status_.last_state, cloud::BootState::kWaiting);
  EXPECT_THAT(status_.last_message, HasSubstr(paths_.KubeletKubeconfig()));
  EXPECT_THAT(runner_.lines(), IsEmpty());
}

TEST_F(PodNetworkAgentTest, WaitsForAnApiServerThatAnswers) {
  WriteState();
  ASSERT_THAT(MakeDirectories(paths_.Kubernetes()), IsOk());
  ASSERT_THAT(WriteFileAtomically(paths_.KubeletKubeconfig(), "kind: Pod\n"),
              IsOk());
  EXPECT_THAT(Run(), IsOk());
  EXPECT_THAT(status_.last_message, HasSubstr("kubeconfig"));
  EXPECT_THAT(runner_.lines(), IsEmpty());
}

}  // namespace
}  // namespace constellation::bootstrapper
