// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/node_claim.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "bootstrapper/testing/init_fixtures.h"
#include "bootstrapper/testing/node_fixture.h"
#include "common/files.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::bootstrapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using testing::Filled;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class NodeClaimTest : public testing::NodeFixture {
 protected:
  NodeClaim Claim() {
    NodeClaim claim;
    claim.holder = NodeLock::Holder::kInit;
    claim.disk_uuid = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
    claim.state_disk_key = Filled(9);
    claim.state = {Bytes(32, 6), "control-plane", "control-plane-0", {}};
    return claim;
  }
  PhaseObserver Phases() {
    return [this](std::string_view phase) { phases_.emplace_back(phase); };
  }

  std::vector<std::string> phases_;
};

TEST_F(NodeClaimTest, FormatsMarksRemembers) {
  ASSERT_THAT(lock_.TryLock(NodeLock::Holder::kInit), IsOk());
  bool formatted = false;
  mark_.set_before([&] {
    formatted = runner_.Ran("disk-mapper format");
    EXPECT_FALSE(FileExists(paths_.NodeState()));
  });
  ASSERT_THAT(ClaimNode(MakeNode(), Claim(), Phases()), IsOk());
  EXPECT_TRUE(formatted);  // before the mark
  EXPECT_EQ(mark_.cluster_id(), Bytes(32, 6));
  EXPECT_THAT(phases_, ElementsAre("format-state-disk", "mark-member"));
  ASSERT_OK_AND_ASSIGN(const std::string json, ReadFile(paths_.NodeState()));
  ASSERT_OK_AND_ASSIGN(const NodeState state, ParseNodeState(json));
  EXPECT_EQ(state.node_name, "control-plane-0");
  EXPECT_EQ(state.cluster_id, Bytes(32, 6));
}

TEST_F(NodeClaimTest, KeyIsNotOnTheCommandLine) {
  ASSERT_THAT(lock_.TryLock(NodeLock::Holder::kInit), IsOk());
  ASSERT_THAT(ClaimNode(MakeNode(), Claim(), Ignore()), IsOk());
  EXPECT_THAT(runner_.lines(),
              ElementsAre("disk-mapper format --uuid "
                          "6ba7b810-9dad-41d1-80b4-00c04fd430c8"));
  EXPECT_EQ(runner_.InputOf("disk-mapper format"), std::string(32, '\x09'));
}

// Init and join race for the node: only the holder may touch the disk.
TEST_F(NodeClaimTest, NeedsTheLock) {
  EXPECT_THAT(ClaimNode(MakeNode(), Claim(), Phases()),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "claim node: want the node lock held"));
  ASSERT_THAT(lock_.TryLock(NodeLock::Holder::kJoin), IsOk());
  EXPECT_THAT(ClaimNode(MakeNode(), Claim(), Phases()),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(runner_.lines(), IsEmpty());
  EXPECT_THAT(mark_.cluster_id(), IsEmpty());
}

TEST_F(NodeClaimTest, NobodyCannotClaim) {
  NodeClaim claim = Claim();
  claim.holder = NodeLock::Holder::kNone;
  EXPECT_THAT(ClaimNode(MakeNode(), claim, Ignore()),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(NodeClaimTest, WithoutADiskNothingIsMarked) {
  ASSERT_THAT(lock_.TryLock(NodeLock::Holder::kInit), IsOk());
  runner_.FailOn("disk-mapper format", "no disk");
  EXPECT_THAT(ClaimNode(MakeNode(), Claim(), Phases()),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("no disk")));
  EXPECT_THAT(mark_.cluster_id(), IsEmpty());
}

TEST_F(NodeClaimTest, WithoutAMarkNothingIsRemembered) {
  ASSERT_THAT(lock_.TryLock(NodeLock::Holder::kInit), IsOk());
  mark_.set_status(Unavailable("TPM is busy"));
  EXPECT_THAT(ClaimNode(MakeNode(), Claim(), Phases()),
              StatusIs(absl::StatusCode::kUnavailable, "TPM is busy"));
  EXPECT_FALSE(FileExists(paths_.NodeState()));
}

TEST_F(NodeClaimTest, CommitIsTheLastStep) {
  ASSERT_THAT(lock_.TryLock(NodeLock::Holder::kInit), IsOk());
  ASSERT_THAT(CommitNode(MakeNode(), Phases()), IsOk());
  EXPECT_THAT(phases_, ElementsAre("commit"));
  EXPECT_TRUE(runner_.Ran("disk-mapper commit"));
  EXPECT_TRUE(FileExists(paths_.Committed()));
}

TEST_F(NodeClaimTest, FailedCommitIsNoCommit) {
  ASSERT_THAT(lock_.TryLock(NodeLock::Holder::kInit), IsOk());
  runner_.FailOn("disk-mapper commit", "disk is gone");
  EXPECT_THAT(CommitNode(MakeNode(), Phases()),
              StatusIs(absl::StatusCode::kInternal));
  EXPECT_FALSE(FileExists(paths_.Committed()));
}

TEST_F(NodeClaimTest, GivingUpResetsTellsReboots) {
  const absl::Time start = clock_.Now();
  GiveUpNode(MakeNode(), Internal("etcd died"));
  EXPECT_THAT(runner_.lines(),
              ElementsAre("disk-mapper reset", "systemctl reboot"));
  EXPECT_GE(clock_.Now() - start, absl::Seconds(10));  // callers get answers
  EXPECT_EQ(LastStatus()["phase"], "give-up");
  EXPECT_EQ(LastStatus()["state"], "failed");
  EXPECT_EQ(LastStatus()["message"], "etcd died; rebooting");
}

TEST_F(NodeClaimTest, RebootsEvenIfTheDiskCannotBeReset) {
  runner_.FailOn("disk-mapper reset", "disk is gone");
  GiveUpNode(MakeNode(), Internal("x"));
  EXPECT_TRUE(runner_.Ran("systemctl reboot"));
}

}  // namespace
}  // namespace constellation::bootstrapper
