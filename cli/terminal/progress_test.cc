// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/clock.h"
#include "cli/testing/scoped_variable.h"

namespace constellation::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

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

TEST(PlainProgressTest, LinesForBeginDetailEnd) {
  const std::string text = Captured(CreatePlainProgress, [](Progress& p) {
    p.Begin("First");
    p.Detail("step");
    p.Detail("step");  // free
    p.Begin("Second");
    p.Note("by the way");
    p.Failed();
    p.Done();  // nothing is open
  });
  EXPECT_THAT(text,
              MatchesRegex("First \\.\\.\\.\n  \\[0\\.0s\\] step\nFirst: done "
                           "in 0\\.0s\nSecond \\.\\.\\.\nby the way\nSecond: "
                           "FAILED in 0\\.0s\n"));
}

TEST(PlainProgressTest, NothingOpenSaysNothing) {
  EXPECT_EQ(Captured(CreatePlainProgress,
                     [](Progress& p) {
                       p.Detail("lost");
                       p.Done("lost");
                       p.Failed();
                       p.Note("kept");
                     }),
            "kept\n");
}

TEST(PlainProgressTest, ResultIsShownInBrackets) {
  EXPECT_THAT(Captured(CreatePlainProgress,
                       [](Progress& p) {
                         p.Begin("Phase");
                         p.Done("3 nodes");
                       }),
              MatchesRegex("Phase \\.\\.\\.\nPhase: done in 0\\..s "
                           "\\(3 nodes\\)\n"));
}

// A new phase forgets the detail of the one before, so that it is told again.
TEST(PlainProgressTest, SameDetailIsToldInEveryPhase) {
  const std::string text = Captured(CreatePlainProgress, [](Progress& p) {
    p.Begin("A");
    p.Detail("waiting");
    p.Begin("B");
    p.Detail("waiting");
  });
  EXPECT_THAT(text, MatchesRegex("A ...\n.*waiting\nA: .*B ...\n.*waiting\n"));
}

TEST(PlainProgressTest, HostileTextIsHarmless) {
  const std::string text = Captured(CreatePlainProgress, [](Progress& p) {
    p.Begin("Pha\x1b[2Jse");
    p.Detail("\x1b]0;title\x07");
  });
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("Pha?[2Jse ...\n"));
  EXPECT_THAT(text, HasSubstr("?]0;title?\n"));
}

TEST(TerminalProgressTest, LineIsRedrawnAndCut) {
  const std::string text = Captured(CreateTerminalProgress, [](Progress& p) {
    p.Begin("Phase");
    p.Detail(std::string(500, 'x'));
    absl::SleepFor(absl::Milliseconds(500));
    p.Done("fine");
  });
  EXPECT_THAT(text, HasSubstr("\r\x1b[K| Phase 0.0s - x"));
  EXPECT_THAT(text, HasSubstr("\r\x1b[K/ Phase 0.2s"));  // by the painter
  EXPECT_THAT(text, HasSubstr("\r\x1b[KPhase: done in 0."));
  EXPECT_THAT(text, HasSubstr("(fine)\n"));
  EXPECT_THAT(text, Not(HasSubstr(std::string(80, 'x'))));
}

TEST(TerminalProgressTest, NoteClearsTheLineOnce) {
  const std::string text = Captured(CreateTerminalProgress, [](Progress& p) {
    p.Begin("Phase");
    p.Note("one");
    p.Note("two");
    p.Failed();
  });
  EXPECT_THAT(text, HasSubstr("\r\x1b[Kone\ntwo\n"));
  EXPECT_THAT(text, HasSubstr("Phase: FAILED in 0."));
}

TEST(TerminalProgressTest, OpenPhaseLeavesNoHalfLine) {
  const std::string text =
      Captured(CreateTerminalProgress, [](Progress& p) { p.Begin("Phase"); });
  ASSERT_GE(text.size(), 4U);
  EXPECT_EQ(text.substr(text.size() - 4), "\r\x1b[K");
}

TEST(SilentProgressTest, SwallowsEverything) {
  EXPECT_EQ(Captured([](std::FILE*) { return CreateSilentProgress(); },
                     [](Progress& p) {
                       p.Begin("Phase");
                       p.Detail("step");
                       p.Note("note");
                       p.Done();
                       p.Begin("Again");
                       p.Failed();
                     }),
            "");
}

// What CreateProgress() prints to a pseudo terminal, or to a file.
class CreateProgressTest : public ::testing::Test {
 protected:
  testing::ScopedVariable no_spinner_{"CONSTELL_NO_SPINNER", std::nullopt};
  testing::ScopedVariable term_{"TERM", "xterm"};

  static void Say(std::FILE* file) {
    const std::unique_ptr<Progress> progress = CreateProgress(file);
    progress->Begin("Phase");
    progress->Done();
  }
  static std::string OnTerminal() {
    int manager = -1;
    int terminal = -1;
    EXPECT_EQ(openpty(&manager, &terminal, nullptr, nullptr, nullptr), 0);
    std::FILE* file = fdopen(terminal, "w");
    Say(file);
    std::array<char, 4096> buffer{};
    const ssize_t size = read(manager, buffer.data(), buffer.size());
    std::fclose(file);
    close(manager);
    return {buffer.data(), static_cast<size_t>(std::max<ssize_t>(size, 0))};
  }
};

TEST_F(CreateProgressTest, RedrawsOnATerminal) {
  EXPECT_THAT(OnTerminal(), HasSubstr("\x1b[K| Phase"));
}

TEST_F(CreateProgressTest, PlainLinesIfAskedFor) {
  no_spinner_.Set("1");
  const std::string text = OnTerminal();
  EXPECT_THAT(text, HasSubstr("Phase ..."));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST_F(CreateProgressTest, PlainLinesOnADumbTerminal) {
  term_.Set("dumb");
  EXPECT_THAT(OnTerminal(), Not(HasSubstr("\x1b")));
}

TEST_F(CreateProgressTest, PlainLinesInAFile) {
  const std::string text = Captured(CreateProgress, [](Progress& p) {
    p.Begin("Phase");
    p.Done();
  });
  EXPECT_THAT(text, HasSubstr("Phase ...\n"));
}

TEST(FormatElapsedTest, UnitsChangeAtMinutesAndHours) {
  EXPECT_EQ(FormatElapsed(absl::Milliseconds(4250)), "4.2s");
  EXPECT_EQ(FormatElapsed(absl::Milliseconds(59999)), "59.9s");
  EXPECT_EQ(FormatElapsed(absl::Minutes(1)), "1m00s");
  EXPECT_EQ(FormatElapsed(absl::Seconds(67)), "1m07s");
  EXPECT_EQ(FormatElapsed(absl::Seconds(3599)), "59m59s");
  EXPECT_EQ(FormatElapsed(absl::Hours(1)), "1h00m");
  EXPECT_EQ(FormatElapsed(absl::Minutes(123)), "2h03m");
  EXPECT_EQ(FormatElapsed(-absl::Seconds(1)), "0.0s");  // the clock went back
}

}  // namespace
}  // namespace constellation::cli
