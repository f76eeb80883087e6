// SPDX-License-Identifier: Apache-2.0
// The help of every command, as it was reviewed: cli/testdata/help.txt. After a
// wanted change run this test with CONSTELLATION_UPDATE_GOLDEN=1.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/commands/table.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::testing::HasSubstr;

// What the command line prints for `arguments`; it must succeed.
std::string OutputOf(const std::vector<std::string>& arguments) {
  CommandContext context;
  std::FILE* file = std::tmpfile();
  context.out = file;
  EXPECT_EQ(RunCommandLine(AllCommands(), AllGroups(), arguments, context),
            ExitCode::kSuccess);
  std::string text(static_cast<size_t>(std::ftell(file)), '\0');
  std::rewind(file);
  EXPECT_EQ(std::fread(text.data(), 1, text.size(), file), text.size());
  std::fclose(file);
  return text;
}

std::string GoldenPath() {
  const char* source = std::getenv("CONSTELLATION_SOURCE_DIR");
  return std::string(source == nullptr ? "." : source) +
         "/cli/testdata/help.txt";
}

TEST(HelpTest, IsWhatWasReviewed) {
  std::string text = OutputOf({"--help"});
  for (const Command& command : AllCommands()) {
    std::vector<std::string> arguments = command.path;
    arguments.emplace_back("--help");
    text += "----\n" + OutputOf(arguments);
  }
  if (std::getenv("CONSTELLATION_UPDATE_GOLDEN") != nullptr) {
    ASSERT_THAT(WriteFileAtomically(GoldenPath(), text, 0644), IsOk());
  }
  ASSERT_OK_AND_ASSIGN(const std::string golden, ReadFile(GoldenPath()));
  EXPECT_EQ(text, golden);
}

TEST(HelpTest, EveryVisibleCommandCanBeCompleted) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = OutputOf({"completion", shell});
    for (const Command& command : AllCommands()) {
      if (command.hidden) {
        EXPECT_EQ(script.find(command.path.back()), std::string::npos);
      } else {
        EXPECT_THAT(script, HasSubstr(command.path.back())) << shell;
      }
    }
  }
}

// A script that the shell cannot read helps nobody.
TEST(HelpTest, BashAcceptsItsScript) {
  const std::string script = OutputOf({"completion", "bash"});
  std::FILE* bash = popen("bash -n", "w");
  ASSERT_NE(bash, nullptr);
  std::fwrite(script.data(), 1, script.size(), bash);
  EXPECT_EQ(pclose(bash), 0);
}

}  // namespace
}  // namespace constellation::cli
