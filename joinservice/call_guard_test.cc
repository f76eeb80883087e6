// SPDX-License-Identifier: Apache-2.0
#include "joinservice/call_guard.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/time/clock.h"

namespace constellation::joinservice {
namespace {

// Contexts that no server made must not be cancelled: deadlines are far away
// where a test does not mean them.
constexpr absl::Duration kNever = absl::Hours(1);

TEST(CallGuardTest, AdmitsSoManyAtOnce) {
  CallGuard guard(2, kNever);
  grpc::ServerContext context;
  std::optional<CallGuard::Call> first = guard.Enter(context);
  std::optional<CallGuard::Call> second = guard.Enter(context);
  EXPECT_TRUE(first.has_value());
  EXPECT_TRUE(second.has_value());
  EXPECT_FALSE(guard.Enter(context).has_value());
  first.reset();
  EXPECT_TRUE(guard.Enter(context).has_value());
}

TEST(CallGuardTest, EndedCallsMakeRoom) {
  CallGuard guard(1, kNever);
  grpc::ServerContext context;
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(guard.Enter(context).has_value()) << i;
  }
}

TEST(CallGuardTest, MovedCallLeavesOnce) {
  CallGuard guard(1, kNever);
  grpc::ServerContext context;
  {
    std::optional<CallGuard::Call> call = guard.Enter(context);
    ASSERT_TRUE(call.has_value());
    const CallGuard::Call moved(std::move(*call));
    call.reset();  // the empty shell must not make room
    EXPECT_FALSE(guard.Enter(context).has_value());
  }
  EXPECT_TRUE(guard.Enter(context).has_value());
}

TEST(CallGuardTest, ZeroAdmitsNobody) {
  CallGuard guard(0, kNever);
  grpc::ServerContext context;
  EXPECT_FALSE(guard.Enter(context).has_value());
}

TEST(CallGuardTest, EndsWithoutACall) {
  const absl::Time begin = absl::Now();
  { CallGuard guard(1, kNever); }
  {
    CallGuard guard(1, kNever);
    grpc::ServerContext context;
    guard.Enter(context);
  }
  EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
}

}  // namespace
}  // namespace constellation::joinservice
