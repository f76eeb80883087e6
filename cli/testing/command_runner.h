// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_TESTING_COMMAND_RUNNER_H_
#define CONSTELLATION_CLI_TESTING_COMMAND_RUNNER_H_

#include <gtest/gtest.h>

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/commands/table.h"
#include "cli/terminal/interrupt.h"
#include "cli/testing/scoped_variable.h"
#include "common/files.h"
#include "common/testing/temp_dir.h"

namespace constellation::cli::testing {

// Runs commands as the user would, in an empty workspace: Run({"version"}) is
// `constellation -C <workspace> version`. Nothing of the user's home is read.
class CommandTest : public ::testing::Test {
 protected:
  ~CommandTest() override { SetInterruptedForTesting(false); }

  ExitCode Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"-C", workspace_.path()});
    CommandContext context;
    std::FILE* out = std::tmpfile();
    std::FILE* err = std::tmpfile();
    context.out = out;
    context.err = err;
    const ExitCode code =
        RunCommandLine(AllCommands(), AllGroups(), arguments, context);
    out_ = TextOf(out);
    err_ = TextOf(err);
    return code;
  }
  // A file in the workspace.
  std::string Write(const std::string& name, std::string_view text) {
    const std::string path = workspace_.Join(name);
    EXPECT_TRUE(WriteFileAtomically(path, text, 0600).ok());
    return path;
  }

  constellation::testing::TempDir folder_;
  constellation::testing::TempDir workspace_;
  std::string out_;  // of the last Run()
  std::string err_;

 private:
  const ScopedVariable home_{"HOME", folder_.path()};
  const ScopedVariable cache_{"XDG_CACHE_HOME", std::nullopt};

  static std::string TextOf(std::FILE* file) {
    std::fseek(file, 0, SEEK_END);
    std::string text(static_cast<size_t>(std::ftell(file)), '\0');
    std::rewind(file);
    EXPECT_EQ(std::fread(text.data(), 1, text.size(), file), text.size());
    std::fclose(file);
    return text;
  }
};

}  // namespace constellation::cli::testing

#endif  // CONSTELLATION_CLI_TESTING_COMMAND_RUNNER_H_
