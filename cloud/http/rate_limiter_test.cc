// SPDX-License-Identifier: Apache-2.0
#include "cloud/http/rate_limiter.h"

#include <gtest/gtest.h>

#include "absl/time/time.h"

namespace constellation::cloud {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

TEST(RateLimiterTest, BurstThenEvenPace) {
  RateLimiter limiter({.per_second = 2, .burst = 3});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(limiter.Reserve("a", kStart), absl::ZeroDuration());
  }
  EXPECT_EQ(limiter.Reserve("a", kStart), absl::Milliseconds(500));
  EXPECT_EQ(limiter.Reserve("a", kStart), absl::Seconds(1));
  EXPECT_EQ(limiter.Reserve("b", kStart), absl::ZeroDuration());
  // Two tokens were promised already; the pace stays.
  EXPECT_EQ(limiter.Reserve("a", kStart + absl::Seconds(1)),
            absl::Milliseconds(500));
  EXPECT_EQ(limiter.Reserve("a", kStart + absl::Seconds(60)),
            absl::ZeroDuration());
}

TEST(RateLimiterTest, PauseHoldsForItsHostOnly) {
  RateLimiter limiter({.per_second = 10, .burst = 20});
  limiter.Pause("a", kStart + absl::Seconds(7));
  EXPECT_EQ(limiter.Reserve("a", kStart), absl::Seconds(7));
  EXPECT_EQ(limiter.Reserve("a", kStart + absl::Seconds(6)), absl::Seconds(1));
  EXPECT_EQ(limiter.Reserve("a", kStart + absl::Seconds(8)),
            absl::ZeroDuration());
  EXPECT_EQ(limiter.Reserve("b", kStart), absl::ZeroDuration());
}

TEST(RateLimiterTest, EarlierEndOfAPauseDoesNotCount) {
  RateLimiter limiter({});
  limiter.Pause("a", kStart + absl::Seconds(7));
  limiter.Pause("a", kStart + absl::Seconds(3));
  EXPECT_EQ(limiter.Reserve("a", kStart), absl::Seconds(7));
}

TEST(RateLimiterTest, PauseGivesNoBurstAway) {
  RateLimiter limiter({.per_second = 1, .burst = 2});
  limiter.Pause("a", kStart);
  EXPECT_EQ(limiter.Reserve("a", kStart), absl::ZeroDuration());
  EXPECT_EQ(limiter.Reserve("a", kStart), absl::ZeroDuration());
  EXPECT_EQ(limiter.Reserve("a", kStart), absl::Seconds(1));
}

TEST(RateLimiterTest, ClockThatGoesBackEarnsNothing) {
  RateLimiter limiter({.per_second = 1, .burst = 1});
  EXPECT_EQ(limiter.Reserve("a", kStart), absl::ZeroDuration());
  EXPECT_EQ(limiter.Reserve("a", kStart - absl::Hours(1)), absl::Seconds(1));
  EXPECT_EQ(limiter.Reserve("a", kStart), absl::Seconds(2));
}

}  // namespace
}  // namespace constellation::cloud
