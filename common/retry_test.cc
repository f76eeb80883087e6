// SPDX-License-Identifier: Apache-2.0
#include "common/retry.h"

#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;

TEST(RetryTest, TriesAgainWhileTransient) {
  FakeClock clock(absl::UnixEpoch());
  int calls = 0;
  EXPECT_THAT(Retry({}, clock,
                    [&calls] {
                      return ++calls < 3 ? Unavailable("not yet")
                                         : absl::OkStatus();
                    }),
              IsOk());
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(clock.Now(), absl::UnixEpoch() + absl::Seconds(3));
}

TEST(RetryTest, StopsAtOnceWhenItCannotHelp) {
  FakeClock clock(absl::UnixEpoch());
  int calls = 0;
  EXPECT_THAT(Retry({}, clock,
                    [&calls] {
                      ++calls;
                      return PermissionDenied("no");
                    }),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(calls, 1);
}

TEST(RetryTest, GivesUpInTime) {
  FakeClock clock(absl::UnixEpoch());
  EXPECT_THAT(Retry({.give_up_after = absl::Seconds(10)}, clock,
                    [] { return Unavailable("down"); }),
              StatusIs(absl::StatusCode::kUnavailable, "down"));
  EXPECT_LE(clock.Now(), absl::UnixEpoch() + absl::Seconds(10));
}

}  // namespace
}  // namespace constellation
