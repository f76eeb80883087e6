// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal/interrupt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "absl/time/clock.h"
#include "cli/exit_code.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;

class InterruptTest : public ::testing::Test {
 protected:
  ~InterruptTest() override { SetInterruptedForTesting(false); }
};

TEST_F(InterruptTest, CheckTellsWhetherCtrlCWasPressed) {
  EXPECT_FALSE(Interrupted());
  EXPECT_THAT(CheckInterrupted(), IsOk());
  SetInterruptedForTesting(true);
  EXPECT_TRUE(Interrupted());
  EXPECT_THAT(CheckInterrupted(),
              StatusIs(absl::StatusCode::kCancelled, "interrupted"));
  EXPECT_EQ(ExitCodeOf(CheckInterrupted()), ExitCode::kInterrupted);
}

TEST_F(InterruptTest, SleepLastsAsAsked) {
  const absl::Time begin = absl::Now();
  EXPECT_THAT(InterruptibleSleep(absl::Milliseconds(150)), IsOk());
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(150));
  EXPECT_THAT(InterruptibleSleep(-absl::Seconds(1)), IsOk());
}

TEST_F(InterruptTest, SleepEndsEarly) {
  const absl::Time begin = absl::Now();
  std::thread user([] {
    absl::SleepFor(absl::Milliseconds(50));
    SetInterruptedForTesting(true);
  });
  EXPECT_THAT(InterruptibleSleep(absl::Minutes(1)),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(5));
  user.join();
}

TEST_F(InterruptTest, CancelsBlockingCallOnce) {
  std::atomic<int> cancelled{0};
  {
    const CancelOnInterrupt watcher([&] { ++cancelled; });
    SetInterruptedForTesting(true);
    for (int i = 0; i < 100 && cancelled == 0; ++i) {
      absl::SleepFor(absl::Milliseconds(20));
    }
    absl::SleepFor(absl::Milliseconds(250));  // two more looks at the flag
  }
  EXPECT_EQ(cancelled, 1);
}

TEST_F(InterruptTest, DoesNotCancelWithoutReason) {
  bool cancelled = false;
  {
    const CancelOnInterrupt watcher([&] { cancelled = true; });
    absl::SleepFor(absl::Milliseconds(150));
  }
  EXPECT_FALSE(cancelled);
}

// Ctrl-C twice in a process of its own: the second one ends it.
TEST(InterruptDeathTest, SecondCtrlCEndsAtOnce) {
  EXPECT_EXIT(
      {
        HandleInterrupts();
        raise(SIGINT);
        if (!Interrupted()) {
          std::exit(1);
        }
        raise(SIGINT);
        std::exit(2);
      },
      ::testing::ExitedWithCode(130), "press Ctrl-C again");
}

TEST(InterruptDeathTest, TerminationCountsAsCtrlC) {
  EXPECT_EXIT(
      {
        HandleInterrupts();
        raise(SIGTERM);
        std::exit(CheckInterrupted().ok() ? 1 : 3);
      },
      ::testing::ExitedWithCode(3), "Stopping");
}

}  // namespace
}  // namespace constellation::cli
