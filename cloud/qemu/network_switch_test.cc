// SPDX-License-Identifier: Apache-2.0
// With the real vde_switch, which needs no rights.
#include "cloud/qemu/network_switch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "absl/time/clock.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::qemu {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

class NetworkSwitchTest : public ::testing::Test {
 protected:
  NetworkSwitchTest() {
    EXPECT_THAT(MakeDirectories(paths_.directory), IsOk());
    EXPECT_THAT(MakeDirectories(paths_.runtime), IsOk());
  }
  // Nothing is left running, whatever a test did.
  ~NetworkSwitchTest() override { NetworkSwitch(paths_).End(); }

  constellation::testing::TempDir folder_;
  const ClusterPaths paths_{folder_.Join("cluster"), folder_.Join("run")};
};

TEST_F(NetworkSwitchTest, RunsUntilItIsEnded) {
  NetworkSwitch network(paths_);
  EXPECT_EQ(network.pid(), 0);
  ASSERT_THAT(network.EnsureRunning(), IsOk());
  const pid_t pid = network.pid();
  ASSERT_GT(pid, 0);
  EXPECT_TRUE(FileExists(paths_.Switch() + "/ctl"));
  ASSERT_THAT(network.EnsureRunning(), IsOk());
  EXPECT_EQ(network.pid(), pid);  // not a second one
  network.End();
  EXPECT_EQ(network.pid(), 0);
  EXPECT_NE(kill(pid, 0), 0);
}

// A supervisor that is started again finds the switch of the one before.
TEST_F(NetworkSwitchTest, IsTakenOver) {
  pid_t pid = 0;
  {
    NetworkSwitch first(paths_);
    ASSERT_THAT(first.EnsureRunning(), IsOk());
    pid = first.pid();
  }
  NetworkSwitch second(paths_);
  EXPECT_EQ(second.pid(), pid);
  ASSERT_THAT(second.EnsureRunning(), IsOk());
  EXPECT_EQ(second.pid(), pid);
  second.End();
}

TEST_F(NetworkSwitchTest, DeadOneIsReplaced) {
  NetworkSwitch network(paths_);
  ASSERT_THAT(network.EnsureRunning(), IsOk());
  const pid_t first = network.pid();
  ASSERT_EQ(kill(first, SIGKILL), 0);  // ours: started two lines above
  absl::SleepFor(absl::Milliseconds(200));
  ASSERT_THAT(network.EnsureRunning(), IsOk());
  EXPECT_NE(network.pid(), first);
  network.End();
}

TEST_F(NetworkSwitchTest, FailureToStartIsTold) {
  const ClusterPaths nowhere{folder_.Join("absent"), folder_.Join("absent")};
  NetworkSwitch network(nowhere);
  EXPECT_THAT(network.EnsureRunning(), ::testing::Not(IsOk()));
  EXPECT_EQ(network.pid(), 0);
}

}  // namespace
}  // namespace constellation::cloud::qemu
