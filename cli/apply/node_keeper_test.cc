// SPDX-License-Identifier: Apache-2.0
#include "cli/apply/node_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/exit_code.h"
#include "cli/testing/fake_cluster.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using cloud::qemu::PowerState;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kWaits[] =
    R"({"component":"disk-mapper","phase":"recovery","state":"waiting"})";

class NodeKeeperTest : public testing::FakeClusterTest {
 protected:
  void WaitForKey(const std::string& name) {
    testing::FakeNode& node = world_.node(name);
    node.waits_for_key = true;
    node.boot_status = kWaits;
  }

  ClusterKeys keys_ = KeysOfNewMachines();
  NodeKeeper keeper_{tools_, state_, keys_};
};

TEST_F(NodeKeeperTest, SaysWhatEveryNodeDoes) {
  world_.node(kControlPlane).boot_status =
      R"({"component":"bootstrapper","phase":"kubeadm","state":"running"})";
  world_.node(kWorker).boot_status =
      R"({"component":"bootstrapper","phase":"join","state":"done"})";
  ASSERT_THAT(keeper_.Tend(), IsOk());
  EXPECT_THAT(progress_.lines(),
              ::testing::ElementsAre(
                  "detail mini-control-plane-0: bootstrapper kubeadm | "
                  "mini-worker-0: bootstrapper join done"));
}

TEST_F(NodeKeeperTest, NodeWithoutStatusIsInItsFirmware) {
  world_.node(kWorker).boot_status = "no JSON";
  ASSERT_THAT(keeper_.Tend(), IsOk());
  EXPECT_THAT(progress_.lines(),
              Contains(HasSubstr("mini-worker-0: firmware, kernel")));
}

TEST_F(NodeKeeperTest, StartsNodeThatWentOff) {
  world_.node(kWorker).power = PowerState::kStopped;
  ASSERT_THAT(keeper_.Tend(), IsOk());
  EXPECT_EQ(world_.node(kWorker).power, PowerState::kRunning);
  EXPECT_THAT(progress_.lines(),
              Contains("note Node mini-worker-0 is off; starting it."));
}

TEST_F(NodeKeeperTest, GivesUpAfterFiveStarts) {
  for (int i = 0; i < 5; ++i) {
    world_.node(kWorker).power = PowerState::kStopped;
    ASSERT_THAT(keeper_.Tend(), IsOk()) << i;
  }
  world_.node(kWorker).power = PowerState::kStopped;
  EXPECT_THAT(keeper_.Tend(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("node mini-worker-0 went off 5 times; last: "
                                 "reason unknown")));
  EXPECT_EQ(world_.node(kWorker).power, PowerState::kStopped);
}

TEST_F(NodeKeeperTest, CountsEachNodeByItself) {
  for (int i = 0; i < 5; ++i) {
    world_.node(kWorker).power = PowerState::kStopped;
    world_.node(kControlPlane).power = PowerState::kStopped;
    EXPECT_THAT(keeper_.Tend(), IsOk()) << i;
  }
}

TEST_F(NodeKeeperTest, LeavesNodesOfOthersAlone) {
  cloud::qemu::NodeSpec stranger;
  stranger.name = "stranger";
  ASSERT_THAT(tools_.platform.AddNode(stranger), IsOk());
  ASSERT_THAT(keeper_.Tend(), IsOk());
  EXPECT_EQ(world_.node("stranger").power, PowerState::kStopped);
  EXPECT_THAT(progress_.lines(), Not(Contains(HasSubstr("stranger"))));
}

TEST_F(NodeKeeperTest, GivesKeyToNodeThatWaits) {
  WaitForKey(kWorker);
  ASSERT_THAT(keeper_.Tend(), IsOk());
  EXPECT_FALSE(world_.node(kWorker).waits_for_key);
  EXPECT_THAT(progress_.lines(),
              Contains("note Node mini-worker-0 waited for its disk's key and "
                       "got it."));
}

TEST_F(NodeKeeperTest, NodeThatDoesNotListenYetIsAskedLater) {
  world_.node(kWorker).boot_status = kWaits;  // its server is not there
  EXPECT_THAT(keeper_.Tend(), IsOk());
  EXPECT_THAT(progress_.lines(), Not(Contains(HasSubstr("got it"))));
}

TEST_F(NodeKeeperTest, GivesNoKeyToNodeWithAnotherImage) {
  WaitForKey(kWorker);
  crypto::Sha256Digest other{};
  other.fill(0xEE);
  world_.node(kWorker).tpm->SetPcr(4, other);
  const absl::Status status = keeper_.Tend();
  EXPECT_TRUE(IsRefusal(status)) << status;
  EXPECT_THAT(std::string(Message(status)),
              HasSubstr("recover node mini-worker-0: "));
  EXPECT_TRUE(world_.node(kWorker).waits_for_key);
}

// PCR15 has the cluster's ID once a node holds its keys: whoever asks again has
// left early boot.
TEST_F(NodeKeeperTest, GivesNoKeyAfterEarlyBoot) {
  WaitForKey(kWorker);
  crypto::Sha256Digest member{};
  member.fill(1);
  world_.node(kWorker).tpm->SetPcr(15, member);
  EXPECT_TRUE(IsRefusal(keeper_.Tend()));
  EXPECT_TRUE(world_.node(kWorker).waits_for_key);
}

TEST_F(NodeKeeperTest, TellsEachFailureOnce) {
  world_.node(kWorker).boot_status =
      R"({"component":"bootstrapper","phase":"join","state":"failed",)"
      R"("message":"no route"})";
  ASSERT_THAT(keeper_.Tend(), IsOk());
  ASSERT_THAT(keeper_.Tend(), IsOk());
  const std::string note =
      "note Node mini-worker-0 reports: bootstrapper join failed (0.0s): no "
      "route";
  EXPECT_EQ(
      std::count(progress_.lines().begin(), progress_.lines().end(), note), 1);
  world_.node(kWorker).boot_status =
      R"({"component":"bootstrapper","phase":"join","state":"failed",)"
      R"("message":"refused"})";
  ASSERT_THAT(keeper_.Tend(), IsOk());
  EXPECT_THAT(progress_.lines(), Contains(HasSubstr("failed (0.0s): refused")));
}

TEST_F(NodeKeeperTest, ReplacesDeadSupervisor) {
  world_.supervisor_dead = true;
  EXPECT_THAT(keeper_.Tend(), IsOk());
  EXPECT_TRUE(world_.WasCalled("open existing"));
}

TEST_F(NodeKeeperTest, NoSupervisorToReplaceIsAnError) {
  world_.supervisor_dead = true;
  world_.exists = false;
  EXPECT_THAT(keeper_.Tend(), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(NodeKeeperTest, TimeScaleIsOneUntilTold) {
  EXPECT_EQ(keeper_.time_scale(), 1U);
  ASSERT_THAT(keeper_.Tend(), IsOk());
  EXPECT_EQ(keeper_.time_scale(), 1U);
}

}  // namespace
}  // namespace constellation::cli
