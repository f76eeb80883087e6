// SPDX-License-Identifier: Apache-2.0
#include "common/clock.h"

#include <gtest/gtest.h>

namespace constellation {
namespace {

TEST(FakeClockTest, MovesOnlyWhenTold) {
  FakeClock clock(absl::UnixEpoch());
  EXPECT_EQ(clock.Now(), absl::UnixEpoch());
  clock.Sleep(absl::Seconds(3));
  clock.Advance(absl::Seconds(4));
  EXPECT_EQ(clock.Now(), absl::UnixEpoch() + absl::Seconds(7));
}

TEST(SystemClockTest, DoesNotRunBackwards) {
  const absl::Time before = Clock::System().Now();
  EXPECT_GE(Clock::System().Now(), before);
}

}  // namespace
}  // namespace constellation
