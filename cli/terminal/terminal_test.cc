// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "cli/exit_code.h"
#include "cli/terminal/interrupt.h"
#include "cli/terminal/progress.h"
#include "cli/terminal/table.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(TableTest, AlignsColumns) {
  Table table({"A", "LONG HEADER", "C"});
  table.AddRow({"value", "x", "last"});
  table.AddRow({"grün", "y"});
  EXPECT_EQ(table.Render(),
            "A      LONG HEADER  C\n"
            "value  x            last\n"
            "grün   y\n");
}

TEST(TableTest, ControlCharactersAreHarmless) {
  EXPECT_EQ(Printable("a\x1b[31mb\nc\x7f"), "a?[31mb?c?");
  EXPECT_EQ(Printable("\xC2\x9B"), "?");            // CSI as one code point
  EXPECT_EQ(Printable("\xFFok\xE2\x82"), "?ok??");  // not UTF-8
  EXPECT_EQ(Printable("€"), "€");
}

// What is printed to a file by `action`.
template <typename Create, typename Action>
std::string Captured(const Create& create, const Action& action) {
  std::FILE* file = std::tmpfile();
  {
    const std::unique_ptr<Progress> progress = create(file);
    action(*progress);
  }
  const long size = std::ftell(file);
  std::string text(static_cast<size_t>(size), '\0');
  std::rewind(file);
  EXPECT_EQ(std::fread(text.data(), 1, text.size(), file), text.size());
  std::fclose(file);
  return text;
}

TEST(ProgressTest, PlainLines) {
  const std::string text = Captured(CreatePlainProgress, [](Progress& p) {
    p.Begin("First");
    p.Detail("step");
    p.Detail("step");  // free
    p.Begin("Second");
    p.Note("by the way");
    p.Failed();
    p.Done();  // nothing is open
  });
  EXPECT_THAT(text, ::testing::MatchesRegex(
                        "First \\.\\.\\.\n  \\[0\\.0s\\] step\nFirst: done in "
                        "0\\.0s\nSecond \\.\\.\\.\nby the way\nSecond: FAILED "
                        "in 0\\.0s\n"));
}

TEST(ProgressTest, TerminalLineIsRedrawnAndCut) {
  const std::string text = Captured(CreateTerminalProgress, [](Progress& p) {
    p.Begin("Phase");
    p.Detail(std::string(500, 'x'));
    absl::SleepFor(absl::Milliseconds(500));
    p.Done("fine");
  });
  EXPECT_THAT(text, HasSubstr("\r\x1b[K"));
  EXPECT_THAT(text, HasSubstr("Phase: done in 0."));
  EXPECT_THAT(text, HasSubstr("(fine)\n"));
  EXPECT_THAT(text, Not(HasSubstr(std::string(100, 'x'))));
}

TEST(ProgressTest, HostileDetailIsHarmless) {
  const std::string text = Captured(CreatePlainProgress, [](Progress& p) {
    p.Begin("Phase");
    p.Detail("\x1b]0;title\x07");
  });
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(ProgressTest, Elapsed) {
  EXPECT_EQ(FormatElapsed(absl::Milliseconds(4250)), "4.2s");
  EXPECT_EQ(FormatElapsed(absl::Seconds(67)), "1m07s");
  EXPECT_EQ(FormatElapsed(absl::Minutes(123)), "2h03m");
  EXPECT_EQ(FormatElapsed(-absl::Seconds(1)), "0.0s");
}

class InterruptTest : public ::testing::Test {
 protected:
  ~InterruptTest() override { SetInterruptedForTesting(false); }
};

TEST_F(InterruptTest, SleepEndsEarly) {
  EXPECT_THAT(InterruptibleSleep(absl::Milliseconds(1)), IsOk());
  SetInterruptedForTesting(true);
  const absl::Time begin = absl::Now();
  EXPECT_THAT(InterruptibleSleep(absl::Minutes(1)),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(5));
}

TEST_F(InterruptTest, CancelsBlockingCall) {
  std::atomic<bool> cancelled{false};
  {
    const CancelOnInterrupt watcher([&] { cancelled = true; });
    SetInterruptedForTesting(true);
    for (int i = 0; i < 100 && !cancelled; ++i) {
      absl::SleepFor(absl::Milliseconds(20));
    }
  }
  EXPECT_TRUE(cancelled);
}

TEST_F(InterruptTest, DoesNotCancelWithoutReason) {
  bool cancelled = false;
  {
    const CancelOnInterrupt watcher([&] { cancelled = true; });
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

TEST(ExitCodeTest, FollowsOutcome) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), ExitCode::kSuccess);
  EXPECT_EQ(ExitCodeOf(Internal("x")), ExitCode::kError);
  // A file that cannot be read is no refusal of a machine.
  EXPECT_EQ(ExitCodeOf(PermissionDenied("x")), ExitCode::kError);
  EXPECT_EQ(ExitCodeOf(AsRefusal(PermissionDenied("x"))), ExitCode::kRefused);
  EXPECT_EQ(ExitCodeOf(Annotate(AsRefusal(PermissionDenied("x")), "more")),
            ExitCode::kRefused);
  EXPECT_EQ(ExitCodeOf(AsUsageError(InvalidArgument("x"))), ExitCode::kUsage);
  EXPECT_EQ(ExitCodeOf(InterruptedStatus()), ExitCode::kInterrupted);
  // A peer's CANCELLED is an error like others.
  EXPECT_EQ(ExitCodeOf(absl::CancelledError("x")), ExitCode::kError);
}

}  // namespace
}  // namespace constellation::cli
