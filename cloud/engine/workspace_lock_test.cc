// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/workspace_lock.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(WorkspaceLockTest, KeepsASecondRunOutAndNamesTheHolder) {
  const TempDir directory;
  const std::string path = directory.Join("lock");
  ASSERT_OK_AND_ASSIGN(WorkspaceLock lock,
                       WorkspaceLock::Acquire(path, "apply"));
  EXPECT_THAT(lock.died(), IsEmpty());
  EXPECT_THAT(WorkspaceLock::Acquire(path, "terminate"),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr(fmt::format("pid {}", ::getpid())),
                             HasSubstr("apply"))));
  lock.Release();
  ASSERT_OK_AND_ASSIGN(const WorkspaceLock next,
                       WorkspaceLock::Acquire(path, "terminate"));
  EXPECT_THAT(next.died(), IsEmpty());
}

TEST(WorkspaceLockTest, LockOfADeadProcessIsFreeAndRecognised) {
  const TempDir directory;
  const std::string path = directory.Join("lock");
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = WorkspaceLock::Acquire(path, "apply");
    ::kill(::getpid(), SIGKILL);
    ::_exit(lock.ok() ? 1 : 2);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_OK_AND_ASSIGN(const WorkspaceLock lock,
                       WorkspaceLock::Acquire(path, "apply"));
  EXPECT_THAT(lock.died(), HasSubstr(fmt::format("pid {} on", child)));
}

TEST(WorkspaceLockTest, FollowsNoLink) {
  const TempDir directory;
  ASSERT_EQ(::symlink("/dev/null", directory.Join("lock").c_str()), 0);
  EXPECT_FALSE(WorkspaceLock::Acquire(directory.Join("lock"), "apply").ok());
}

}  // namespace
}  // namespace constellation::cloud
