// SPDX-License-Identifier: Apache-2.0
#include "cloud/http/backoff.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <utility>

#include "common/clock.h"

namespace constellation::cloud {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

TEST(RetryAfterTest, ReadsSecondsDatesAndMilliseconds) {
  const auto read = [](std::string name, std::string value) {
    return RetryAfter({.headers = {{std::move(name), std::move(value)}}},
                      absl::FromUnixSeconds(784111700));
  };
  EXPECT_EQ(read("retry-after", "5"), absl::Seconds(5));
  EXPECT_EQ(read("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"),
            absl::Seconds(77));
  EXPECT_EQ(read("retry-after", "Sun, 06 Nov 1990 08:49:37 GMT"),
            absl::ZeroDuration());
  EXPECT_EQ(read("retry-after-ms", "250"), absl::Milliseconds(250));
  EXPECT_EQ(read("x-ms-retry-after-ms", "250"), absl::Milliseconds(250));
  for (const char* bad : {"", "-1", "soon", "1.5", "99999999999999999999"}) {
    EXPECT_EQ(read("retry-after", bad), std::nullopt) << bad;
  }
}

TEST(RetryAfterTest, MillisecondsWinOverSeconds) {
  EXPECT_EQ(RetryAfter({.headers = {{"retry-after", "9"},
                                    {"x-ms-retry-after-ms", "250"}}},
                       kStart),
            absl::Milliseconds(250));
  EXPECT_EQ(RetryAfter(
                {.headers = {{"retry-after", "9"}, {"retry-after-ms", "soon"}}},
                kStart),
            absl::Seconds(9));
  EXPECT_EQ(RetryAfter({}, kStart), std::nullopt);
}

TEST(RetryAfterTest, BoundsNumbers) {
  EXPECT_EQ(RetryAfter({.headers = {{"retry-after", "2147483647"}}}, kStart),
            absl::Seconds(2147483647));
  EXPECT_EQ(RetryAfter({.headers = {{"retry-after", "2147483648"}}}, kStart),
            std::nullopt);
}

TEST(BackoffTest, SpanDoublesUpToTheCap) {
  const Backoff backoff{.base = absl::Seconds(1), .cap = absl::Seconds(5)};
  EXPECT_EQ(backoff.Delay(0, 1), absl::Seconds(1));
  EXPECT_EQ(backoff.Delay(1, 1), absl::Seconds(2));
  EXPECT_EQ(backoff.Delay(2, 1), absl::Seconds(4));
  EXPECT_EQ(backoff.Delay(3, 1), absl::Seconds(5));
  EXPECT_EQ(backoff.Delay(1000000, 1), absl::Seconds(5));
}

TEST(BackoffTest, RandomPartOfTheSpan) {
  const Backoff backoff{.base = absl::Seconds(1), .cap = absl::Seconds(5)};
  EXPECT_EQ(backoff.Delay(1, 0), absl::ZeroDuration());
  EXPECT_EQ(backoff.Delay(1, 0.25), absl::Milliseconds(500));
  // What no source should give.
  EXPECT_EQ(backoff.Delay(-3, 7), absl::Seconds(1));
  EXPECT_EQ(backoff.Delay(1, -1), absl::ZeroDuration());
}

TEST(BackoffTest, SystemRandomIsInRangeAndVaries) {
  const RandomSource random = SystemRandom();
  std::set<double> seen;
  for (int i = 0; i < 100; ++i) {
    const double value = random();
    EXPECT_GE(value, 0.0);
    EXPECT_LT(value, 1.0);
    seen.insert(value);
  }
  EXPECT_GT(seen.size(), 90U);
}

TEST(SleepUnlessStoppedTest, SleepsAsLongAsAsked) {
  FakeClock clock(kStart);
  EXPECT_TRUE(SleepUnlessStopped(clock, absl::Seconds(3), {}));
  EXPECT_EQ(clock.Now() - kStart, absl::Seconds(3));
  EXPECT_TRUE(SleepUnlessStopped(clock, -absl::Seconds(3), {}));
  EXPECT_EQ(clock.Now() - kStart, absl::Seconds(3));
}

// A clock during whose sleep somebody presses Ctrl-C.
class StoppingClock final : public Clock {
 public:
  explicit StoppingClock(std::stop_source& stop) : stop_(stop) {}
  absl::Time Now() const override { return now_; }
  void Sleep(absl::Duration duration) override {
    now_ += duration;
    stop_.request_stop();
  }

 private:
  std::stop_source& stop_;
  absl::Time now_ = kStart;
};

TEST(SleepUnlessStoppedTest, StopIsNoticedWithinASlice) {
  std::stop_source stop;
  StoppingClock clock(stop);
  EXPECT_FALSE(SleepUnlessStopped(clock, absl::Hours(1), stop.get_token()));
  EXPECT_EQ(clock.Now() - kStart, absl::Milliseconds(100));
  EXPECT_FALSE(SleepUnlessStopped(clock, absl::Hours(1), stop.get_token()));
  EXPECT_EQ(clock.Now() - kStart, absl::Milliseconds(100));
}

TEST(ClassifyByStatusTest, EveryStatusHasAClass) {
  for (int status = 100; status < 600; ++status) {
    AnswerClass expected = AnswerClass::kFinal;
    if (status == 429) {
      expected = AnswerClass::kThrottled;
    } else if (status == 408 || status == 500 || status == 502 ||
               status == 503 || status == 504) {
      expected = AnswerClass::kServerError;
    }
    EXPECT_EQ(ClassifyByStatus({.status = status}), expected) << status;
  }
}

}  // namespace
}  // namespace constellation::cloud
