// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/exit_code.h"
#include "cli/testing/fake_cluster.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

class RecoveryTest : public testing::FakeClusterTest {
 protected:
  RecoveryTest() {
    EXPECT_THAT(CreateMachines(), IsOk());
    world_.node(kWorker).waits_for_key = true;
  }
  absl::Status Recover() {
    ClusterKeys keys = Keys();
    return RecoverNode(tools_, state_, Node(kWorker), keys);
  }
};

TEST_F(RecoveryTest, GivesTheKey) {
  EXPECT_THAT(Recover(), IsOk());
  EXPECT_FALSE(world_.node(kWorker).waits_for_key);
}

TEST_F(RecoveryTest, NeedsAPort) {
  Node(kWorker).ports.recovery = 0;
  EXPECT_THAT(Recover(), StatusIs(absl::StatusCode::kUnavailable,
                                  "no port leads to the recovery server of "
                                  "mini-worker-0"));
  EXPECT_FALSE(world_.WasCalled("recover"));
}

TEST_F(RecoveryTest, NeedsPinnedMeasurements) {
  state_.infrastructure.qemu.measurements.clear();
  EXPECT_THAT(Recover(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                  HasSubstr("no infrastructure yet")));
}

TEST_F(RecoveryTest, NodeThatDoesNotAskIsUnavailable) {
  world_.node(kWorker).waits_for_key = false;
  EXPECT_THAT(Recover(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(RecoveryTest, RefusesTpmOfAnotherNode) {
  std::swap(world_.node(kControlPlane).tpm, world_.node(kWorker).tpm);
  const absl::Status status = Recover();
  EXPECT_TRUE(IsRefusal(status)) << status;
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kPermissionDenied,
                               HasSubstr("expected mini-worker-0, got the TPM "
                                         "of mini-control-plane-0")));
  EXPECT_TRUE(world_.node(kWorker).waits_for_key);
}

// The disk says whose it is; the owner sends the name it verified.
TEST_F(RecoveryTest, KeyIsForTheVerifiedNode) {
  world_.node(kWorker).spec.name = "mini-worker-9";
  EXPECT_THAT(Recover(), StatusIs(absl::StatusCode::kPermissionDenied,
                                  HasSubstr("not 'mini-worker-0'")));
}

}  // namespace
}  // namespace constellation::cli
