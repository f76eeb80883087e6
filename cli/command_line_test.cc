// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <spdlog/spdlog.h>

#include <cstdio>
#include <string>

#include "cli/commands/table.h"
#include "cli/exit_code.h"
#include "common/files.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::TempDir;
using ::testing::HasSubstr;
using ::testing::Not;

class CommandLineTest : public ::testing::Test {
 protected:
  ExitCode Run(const std::vector<std::string>& arguments) {
    char* out_text = nullptr;
    char* err_text = nullptr;
    size_t out_size = 0;
    size_t err_size = 0;
    CommandContext context;
    context.out = open_memstream(&out_text, &out_size);
    context.err = open_memstream(&err_text, &err_size);
    const ExitCode code =
        RunCommandLine(AllCommands(), AllGroups(), arguments, context);
    std::fclose(context.out);
    std::fclose(context.err);
    out_.assign(out_text, out_size);
    err_.assign(err_text, err_size);
    std::free(out_text);
    std::free(err_text);
    return code;
  }

  TempDir dir_;
  std::string out_;
  std::string err_;
};

TEST_F(CommandLineTest, UnknownCommandGetsASuggestion) {
  EXPECT_EQ(Run({"verfy"}), ExitCode::kUsage);
  EXPECT_THAT(err_, HasSubstr("verify"));
}

// Messages quote what others say: clouds, nodes, files.
TEST_F(CommandLineTest, ErrorsDoNotSteerTheTerminal) {
  const std::string image = dir_.Join("no\x1b[2J\xff.raw");
  EXPECT_EQ(Run({"image", "measure", image}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("no?[2J?.raw"));
  EXPECT_EQ(err_.find('\x1b'), std::string::npos);
  EXPECT_TRUE(err_.ends_with("\n"));
}

TEST_F(CommandLineTest, UnknownFlagIsAUsageError) {
  EXPECT_EQ(Run({"version", "--colour"}), ExitCode::kUsage);
  EXPECT_EQ(Run({"verify", "--output", "xml"}), ExitCode::kUsage);
  EXPECT_EQ(Run({}), ExitCode::kUsage);
}

// A flag that took two words would write the profile over the image.
TEST_F(CommandLineTest, FlagTakesOneValueOnly) {
  const std::string image = dir_.Join("image.raw");
  ASSERT_THAT(WriteFileAtomically(image, "not a disk"), testing::IsOk());
  EXPECT_EQ(Run({"image", "measure", "--profile", dir_.Join("profile"), image}),
            ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("disk image: too short"));
  EXPECT_EQ(*ReadFile(image), "not a disk");
}

TEST_F(CommandLineTest, LastValueOfAFlagCounts) {
  EXPECT_EQ(Run({"version", "-o", "table", "-o", "json"}), ExitCode::kSuccess);
  EXPECT_THAT(out_, HasSubstr("{\"version\""));
}

TEST_F(CommandLineTest, EveryCommandHasHelpWithAnExample) {
  for (const Command& command : AllCommands()) {
    std::vector<std::string> arguments = command.path;
    arguments.emplace_back("--help");
    EXPECT_EQ(Run(arguments), ExitCode::kSuccess) << command.path.back();
    EXPECT_THAT(out_, HasSubstr("Example:")) << command.path.back();
    EXPECT_FALSE(command.help.empty());
  }
}

TEST_F(CommandLineTest, HiddenCommandsAreNotListed) {
  EXPECT_EQ(Run({"--help"}), ExitCode::kSuccess);
  EXPECT_THAT(out_, HasSubstr("verify"));
  EXPECT_THAT(out_, Not(HasSubstr("qemu-power")));
}

TEST_F(CommandLineTest, GeneratesAConfigurationOnce) {
  EXPECT_EQ(Run({"-C", dir_.path(), "config", "generate", "qemu"}),
            ExitCode::kSuccess);
  EXPECT_TRUE(FileExists(dir_.Join("constellation-conf.yaml")));
  EXPECT_EQ(Run({"-C", dir_.path(), "config", "generate", "qemu"}),
            ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("exists already"));
  EXPECT_EQ(Run({"-C", dir_.path(), "config", "generate", "moon"}),
            ExitCode::kUsage);
}

TEST_F(CommandLineTest, VerifyNeverSucceedsWithoutACluster) {
  EXPECT_EQ(Run({"-C", dir_.path(), "verify"}), ExitCode::kError);
  EXPECT_EQ(Run({"-C", dir_.Join("absent"), "verify"}), ExitCode::kError);
}

TEST_F(CommandLineTest, StatusSaysThatThereIsNothing) {
  EXPECT_EQ(Run({"-C", dir_.path(), "status"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("constellation apply"));
}

TEST_F(CommandLineTest, TerminateOfNothingIsFine) {
  EXPECT_EQ(Run({"-C", dir_.path(), "terminate", "-y"}), ExitCode::kSuccess);
}

TEST_F(CommandLineTest, ApplyRefusesAnUnknownPhase) {
  EXPECT_EQ(Run({"-C", dir_.path(), "apply", "-y", "--skip-phases", "initt"}),
            ExitCode::kUsage);
  EXPECT_THAT(err_, HasSubstr("did you mean init"));
}

// Ends at the question, which nobody answers: nothing is made.
TEST_F(CommandLineTest, ApplyRefusesServicesOfAnotherVersion) {
  ASSERT_NE(std::freopen("/dev/null", "r", stdin), nullptr);
  ASSERT_EQ(Run({"-C", dir_.path(), "config", "generate", "qemu"}),
            ExitCode::kSuccess);
  const std::string path = dir_.Join("constellation-conf.yaml");
  std::string text = *ReadFile(path);
  const std::string line = "microserviceVersion: \"\"";
  ASSERT_NE(text.find(line), std::string::npos);
  text.replace(text.find(line), line.size(), "microserviceVersion: v9.9.9");
  ASSERT_TRUE(WriteFileAtomically(path, text).ok());
  EXPECT_EQ(Run({"-C", dir_.path(), "apply"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("got v9.9.9; --force goes on"));
  err_.clear();
  EXPECT_NE(Run({"-C", dir_.path(), "apply", "--force"}), ExitCode::kSuccess);
  EXPECT_THAT(err_, HasSubstr("got v9.9.9"));
  EXPECT_THAT(err_, Not(HasSubstr("--force goes on")));
}

TEST_F(CommandLineTest, DebugShowsCallsToNodes) {
  spdlog::set_level(spdlog::level::info);
  EXPECT_EQ(Run({"version", "--debug"}), ExitCode::kSuccess);
  EXPECT_EQ(spdlog::get_level(), spdlog::level::debug);
  EXPECT_EQ(Run({"version"}), ExitCode::kSuccess);
  EXPECT_EQ(spdlog::get_level(), spdlog::level::warn);
}

TEST_F(CommandLineTest, ApplyRefusesADamagedConfiguration) {
  ASSERT_TRUE(WriteFileAtomically(dir_.Join("constellation-conf.yaml"),
                                  "version: v4\nnam: x\n")
                  .ok());
  EXPECT_EQ(Run({"-C", dir_.path(), "apply", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("nam"));
  EXPECT_FALSE(FileExists(dir_.Join("constellation-mastersecret.json")));
}

TEST_F(CommandLineTest, CompletionKnowsTheCommands) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_EQ(Run({"completion", shell}), ExitCode::kSuccess);
    EXPECT_THAT(out_, HasSubstr("verify"));
    EXPECT_THAT(out_, Not(HasSubstr("qemu-power")));
  }
}

TEST(ExitCodeTest, FollowsTheKindOfFailure) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), ExitCode::kSuccess);
  EXPECT_EQ(ExitCodeOf(Unavailable("x")), ExitCode::kError);
  EXPECT_EQ(ExitCodeOf(PermissionDenied("x")), ExitCode::kError);
  EXPECT_EQ(ExitCodeOf(Annotate(AsRefusal(PermissionDenied("x")), "y")),
            ExitCode::kRefused);
  EXPECT_EQ(ExitCodeOf(AsUsageError(InvalidArgument("x"))), ExitCode::kUsage);
  EXPECT_EQ(ExitCodeOf(InterruptedStatus()), ExitCode::kInterrupted);
}

}  // namespace
}  // namespace constellation::cli
