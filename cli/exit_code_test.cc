// SPDX-License-Identifier: Apache-2.0
#include "cli/exit_code.h"

#include <gtest/gtest.h>

#include "common/status.h"

namespace constellation::cli {
namespace {

TEST(ExitCodeTest, NumbersAreAPromise) {
  EXPECT_EQ(static_cast<int>(ExitCode::kSuccess), 0);
  EXPECT_EQ(static_cast<int>(ExitCode::kError), 1);
  EXPECT_EQ(static_cast<int>(ExitCode::kRefused), 2);
  EXPECT_EQ(static_cast<int>(ExitCode::kUsage), 64);
  EXPECT_EQ(static_cast<int>(ExitCode::kInterrupted), 130);
}

TEST(ExitCodeTest, OkIsSuccess) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), ExitCode::kSuccess);
  // Marking an OK status does not make it a failure.
  EXPECT_EQ(ExitCodeOf(AsRefusal(absl::OkStatus())), ExitCode::kSuccess);
}

// A file that cannot be read is no refusal of a machine.
TEST(ExitCodeTest, CodeAloneIsAnError) {
  EXPECT_EQ(ExitCodeOf(Internal("x")), ExitCode::kError);
  EXPECT_EQ(ExitCodeOf(PermissionDenied("x")), ExitCode::kError);
  EXPECT_EQ(ExitCodeOf(InvalidArgument("x")), ExitCode::kError);
}

TEST(ExitCodeTest, MarkOfRefusalSurvivesContext) {
  const absl::Status refusal = AsRefusal(PermissionDenied("x"));
  EXPECT_TRUE(IsRefusal(refusal));
  EXPECT_FALSE(IsRefusal(PermissionDenied("x")));
  EXPECT_EQ(Message(refusal), "x");
  EXPECT_EQ(refusal.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ExitCodeOf(Annotate(refusal, "more")), ExitCode::kRefused);
}

// Were both marked, scripts must learn of the refusal.
TEST(ExitCodeTest, RefusalComesFirst) {
  EXPECT_EQ(ExitCodeOf(AsUsageError(AsRefusal(InvalidArgument("x")))),
            ExitCode::kRefused);
}

TEST(ExitCodeTest, UsageError) {
  EXPECT_EQ(ExitCodeOf(AsUsageError(InvalidArgument("x"))), ExitCode::kUsage);
  EXPECT_EQ(ExitCodeOf(Annotate(AsUsageError(InvalidArgument("x")), "more")),
            ExitCode::kUsage);
}

// A peer's CANCELLED is an error like others.
TEST(ExitCodeTest, OnlyOurInterruptCounts) {
  EXPECT_EQ(ExitCodeOf(InterruptedStatus()), ExitCode::kInterrupted);
  EXPECT_EQ(InterruptedStatus().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(ExitCodeOf(absl::CancelledError("x")), ExitCode::kError);
}

}  // namespace
}  // namespace constellation::cli
