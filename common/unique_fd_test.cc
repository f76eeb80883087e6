// SPDX-License-Identifier: Apache-2.0
#include "common/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <utility>

namespace constellation {
namespace {

int Open() {
  return open("/dev/null", O_RDONLY | O_CLOEXEC);
}
bool IsOpen(int fd) {
  return fcntl(fd, F_GETFD) != -1;
}

TEST(UniqueFdTest, ClosesAtItsEnd) {
  const int fd = Open();
  {
    const UniqueFd owner(fd);
    EXPECT_TRUE(owner.valid());
    EXPECT_EQ(owner.get(), fd);
    EXPECT_TRUE(IsOpen(fd));
  }
  EXPECT_FALSE(IsOpen(fd));
}

TEST(UniqueFdTest, NoneIsNotValid) {
  UniqueFd none;
  EXPECT_FALSE(none.valid());
  EXPECT_EQ(none.get(), -1);
  none.Reset();
  // Standard input is a descriptor like others.
  UniqueFd zero(0);
  EXPECT_TRUE(zero.valid());
  EXPECT_EQ(zero.Release(), 0);
}

TEST(UniqueFdTest, MovesLeaveNothingBehind) {
  const int fd = Open();
  UniqueFd first(fd);
  UniqueFd second(std::move(first));
  EXPECT_FALSE(first.valid());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(second.get(), fd);
  EXPECT_TRUE(IsOpen(fd));
}

TEST(UniqueFdTest, AssignmentClosesTheOldOne) {
  const int old = Open();
  const int fresh = Open();
  UniqueFd owner(old);
  owner = UniqueFd(fresh);
  EXPECT_FALSE(IsOpen(old));
  EXPECT_TRUE(IsOpen(fresh));
  EXPECT_EQ(owner.get(), fresh);
}

TEST(UniqueFdTest, AssignmentToItselfKeepsIt) {
  const int fd = Open();
  UniqueFd owner(fd);
  UniqueFd& same = owner;
  owner = std::move(same);
  EXPECT_EQ(owner.get(), fd);
  EXPECT_TRUE(IsOpen(fd));
}

TEST(UniqueFdTest, ReleaseGivesItUp) {
  const int fd = Open();
  {
    UniqueFd owner(fd);
    EXPECT_EQ(owner.Release(), fd);
    EXPECT_FALSE(owner.valid());
  }
  EXPECT_TRUE(IsOpen(fd));
  close(fd);
}

TEST(UniqueFdTest, ResetClosesOnce) {
  UniqueFd owner(Open());
  const int fd = owner.get();
  owner.Reset();
  EXPECT_FALSE(IsOpen(fd));
  const int next = Open();  // most likely the same number
  owner.Reset();
  EXPECT_TRUE(IsOpen(next));
  close(next);
}

}  // namespace
}  // namespace constellation
