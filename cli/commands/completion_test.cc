// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "cli/testing/command_runner.h"

namespace constellation::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class CompletionTest : public testing::CommandTest {
 protected:
  // What the script for bash answers for the line `words`, by asking bash.
  std::string Completed(const std::string& words) {
    EXPECT_EQ(Run({"completion", "bash"}), ExitCode::kSuccess);
    const std::string script = Write("completion.bash", out_);
    const std::string line =
        "cd /var/empty 2>/dev/null || cd /proc/self/fdinfo; source " + script +
        "; COMP_WORDS=(constellation " + words +
        " ''); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _constellation; "
        "printf '%s ' \"${COMPREPLY[@]}\"";
    const std::string command = "bash -c '" + Escaped(line) + "'";
    std::FILE* pipe = popen(command.c_str(), "r");
    std::string text;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
      text += static_cast<char>(c);
    }
    EXPECT_EQ(pclose(pipe), 0);
    return " " + text;
  }

 private:
  static std::string Escaped(const std::string& line) {
    std::string text;
    for (const char c : line) {
      text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    return text;
  }
};

TEST_F(CompletionTest, BashCompletesCommandsAndGroups) {
  const std::string first = Completed("");
  EXPECT_THAT(first, HasSubstr(" apply "));
  EXPECT_THAT(first, HasSubstr(" config "));
  EXPECT_THAT(first, Not(HasSubstr(" generate ")));
  EXPECT_THAT(first, Not(HasSubstr(" qemu-power ")));  // hidden
  EXPECT_THAT(Completed("config"), HasSubstr(" generate "));
}

TEST_F(CompletionTest, BashCompletesFlagsAndChoices) {
  EXPECT_THAT(Completed("config generate"), HasSubstr(" --tags "));
  EXPECT_THAT(Completed("config generate"), HasSubstr(" qemu "));
  EXPECT_THAT(Completed("apply"), HasSubstr(" --skip-phases "));
  EXPECT_THAT(Completed("apply"), HasSubstr(" --workspace "));
}

TEST_F(CompletionTest, BashSkipsFlagsBeforeTheCommand) {
  EXPECT_THAT(Completed("-C /tmp --debug config"), HasSubstr(" generate "));
}

TEST_F(CompletionTest, ZshUsesTheScriptOfBash) {
  EXPECT_EQ(Run({"completion", "bash"}), ExitCode::kSuccess);
  const std::string bash = out_;
  EXPECT_EQ(Run({"completion", "zsh"}), ExitCode::kSuccess);
  EXPECT_EQ(out_, "autoload -U +X bashcompinit && bashcompinit\n" + bash);
}

TEST_F(CompletionTest, FishKnowsGroups) {
  EXPECT_EQ(Run({"completion", "fish"}), ExitCode::kSuccess);
  EXPECT_THAT(out_, HasSubstr("-n '__fish_seen_subcommand_from mini' -a up "));
  EXPECT_THAT(out_, HasSubstr("-n '__fish_use_subcommand' -a apply "));
  EXPECT_THAT(out_, Not(HasSubstr("qemu-power")));
}

TEST_F(CompletionTest, OtherShellsAreUsageErrors) {
  EXPECT_EQ(Run({"completion", "tcsh"}), ExitCode::kUsage);
  EXPECT_EQ(Run({"completion"}), ExitCode::kUsage);
}

}  // namespace
}  // namespace constellation::cli
