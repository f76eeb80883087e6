// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/node_lock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::bootstrapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

class NodeLockTest : public ::testing::Test {
 protected:
  constellation::testing::TempDir folder_;
  NodeLock lock_{folder_.Join("lock"), folder_.Join("committed")};
};

TEST_F(NodeLockTest, OnlyTheFirstGetsIt) {
  EXPECT_THAT(lock_.TryLock(NodeLock::Holder::kJoin), IsOk());
  EXPECT_THAT(lock_.TryLock(NodeLock::Holder::kInit),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("held by join")));
  EXPECT_THAT(lock_.TryLock(NodeLock::Holder::kJoin),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(lock_.holder(), NodeLock::Holder::kJoin);
}

TEST_F(NodeLockTest, ARaceHasOneWinner) {
  std::atomic<int> winners = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 16; ++i) {
      threads.emplace_back([this, i, &winners] {
        const auto holder =
            i % 2 == 0 ? NodeLock::Holder::kInit : NodeLock::Holder::kJoin;
        winners += lock_.TryLock(holder).ok() ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(winners, 1);
}

TEST_F(NodeLockTest, ARestartedProcessCannotTakeItAgain) {
  ASSERT_THAT(lock_.TryLock(NodeLock::Holder::kInit), IsOk());
  NodeLock restarted(folder_.Join("lock"), folder_.Join("committed"));
  EXPECT_TRUE(restarted.WasAbandoned());
  EXPECT_THAT(restarted.TryLock(NodeLock::Holder::kInit),
              StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(NodeLockTest, IsNotAbandonedOnceCommitted) {
  EXPECT_FALSE(lock_.WasAbandoned());
  ASSERT_THAT(lock_.TryLock(NodeLock::Holder::kInit), IsOk());
  EXPECT_FALSE(lock_.WasAbandoned());
  ASSERT_THAT(lock_.MarkCommitted(), IsOk());
  EXPECT_FALSE(
      NodeLock(folder_.Join("lock"), folder_.Join("committed")).WasAbandoned());
}

TEST_F(NodeLockTest, NobodyGetsItIfTheFileCannotBeWritten) {
  NodeLock lock("/nonexistent/lock", "/nonexistent/committed");
  EXPECT_THAT(lock.TryLock(NodeLock::Holder::kInit),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(lock.TryLock(NodeLock::Holder::kJoin),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace constellation::bootstrapper
