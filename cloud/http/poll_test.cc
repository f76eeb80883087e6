// SPDX-License-Identifier: Apache-2.0
#include "cloud/http/poll.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/clock.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

TEST(PollTest, AsksLessAndLessOften) {
  FakeClock clock(kStart);
  int asked = 0;
  EXPECT_THAT(Poll({.first_delay = absl::Seconds(1),
                    .max_delay = absl::Seconds(4),
                    .factor = 2},
                   clock, {}, "it",
                   [&]() -> absl::StatusOr<PollStep> {
                     return PollStep{.done = ++asked == 5};
                   }),
              IsOk());
  EXPECT_EQ(clock.Now() - kStart, absl::Seconds(1 + 2 + 4 + 4));
}

TEST(PollTest, GivesUpAndSaysOnWhat) {
  FakeClock clock(kStart);
  EXPECT_THAT(Poll({.timeout = absl::Minutes(2)}, clock, {}, "gateway",
                   [] { return PollStep{}; }),
              StatusIs(absl::StatusCode::kDeadlineExceeded,
                       HasSubstr("gateway: not done after 2m")));
  EXPECT_LE(clock.Now() - kStart, absl::Minutes(2));
}

TEST(PollTest, BearsSomePassingErrorsOnly) {
  FakeClock clock(kStart);
  int asked = 0;
  EXPECT_THAT(Poll({.max_errors = 2}, clock, {}, "it",
                   [&]() -> absl::StatusOr<PollStep> {
                     ++asked;
                     return Unavailable("down");
                   }),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(asked, 3);
  EXPECT_THAT(
      Poll({}, clock, {}, "it",
           []() -> absl::StatusOr<PollStep> { return InvalidArgument("no"); }),
      StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(PollTest, HeedsTheServersWish) {
  FakeClock clock(kStart);
  int asked = 0;
  EXPECT_THAT(Poll({}, clock, {}, "it",
                   [&]() -> absl::StatusOr<PollStep> {
                     return PollStep{.done = ++asked == 2,
                                     .retry_after = absl::Seconds(33)};
                   }),
              IsOk());
  EXPECT_EQ(clock.Now() - kStart, absl::Seconds(33));
}

TEST(PollTest, DoneAtOnceWaitsForNothing) {
  FakeClock clock(kStart);
  EXPECT_THAT(Poll({}, clock, {}, "it", [] { return PollStep{.done = true}; }),
              IsOk());
  EXPECT_EQ(clock.Now(), kStart);
}

// "Retry-After: 0" must not become a loop without a pause.
TEST(PollTest, ZeroIsNoPauseToHeed) {
  FakeClock clock(kStart);
  int asked = 0;
  EXPECT_THAT(Poll({.timeout = absl::Seconds(10)}, clock, {}, "it",
                   [&]() -> absl::StatusOr<PollStep> {
                     ++asked;
                     return PollStep{.done = asked > 100000,
                                     .retry_after = absl::ZeroDuration()};
                   }),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_LE(asked, 102);
}

TEST(PollTest, LongWishOfTheServerEndsWithTheTimeout) {
  FakeClock clock(kStart);
  int asked = 0;
  EXPECT_THAT(Poll({.timeout = absl::Minutes(1)}, clock, {}, "it",
                   [&]() -> absl::StatusOr<PollStep> {
                     ++asked;
                     return PollStep{.retry_after = absl::Hours(9)};
                   }),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_EQ(asked, 2);  // the last one when the time was up
  EXPECT_EQ(clock.Now() - kStart, absl::Minutes(1));
}

TEST(PollTest, GoodAnswerForgivesErrors) {
  FakeClock clock(kStart);
  int asked = 0;
  EXPECT_THAT(Poll({.max_errors = 1}, clock, {}, "it",
                   [&]() -> absl::StatusOr<PollStep> {
                     ++asked;
                     if (asked % 2 == 1) {
                       return Unavailable("down");
                     }
                     return PollStep{.done = asked == 8};
                   }),
              IsOk());
}

TEST(PollTest, TimeoutDuringErrorsTellsTheError) {
  FakeClock clock(kStart);
  EXPECT_THAT(
      Poll({.timeout = absl::Seconds(3), .max_errors = 100}, clock, {}, "it",
           []() -> absl::StatusOr<PollStep> { return Unavailable("down"); }),
      StatusIs(absl::StatusCode::kUnavailable, "down"));
}

TEST(PollTest, StopEndsIt) {
  FakeClock clock(kStart);
  std::stop_source stop;
  int asked = 0;
  EXPECT_THAT(Poll({}, clock, stop.get_token(), "it",
                   [&]() -> absl::StatusOr<PollStep> {
                     if (++asked == 2) {
                       stop.request_stop();
                     }
                     return PollStep{};
                   }),
              StatusIs(absl::StatusCode::kCancelled, "it: cancelled"));
  EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace constellation::cloud
