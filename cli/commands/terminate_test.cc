// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "cli/config/config.h"
#include "cli/testing/command_runner.h"
#include "cli/workspace/state.h"

namespace constellation::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TerminateTest : public testing::CommandTest {};

TEST_F(TerminateTest, NothingToRemoveIsFine) {
  EXPECT_EQ(Run({"terminate", "-y"}), ExitCode::kSuccess) << err_;
  EXPECT_EQ(out_, "");
}

TEST_F(TerminateTest, KeepsOnlyTheMasterSecret) {
  Write("constellation-conf.yaml", "x");
  Write("constellation-state.yaml", RenderState(State()));
  Write("constellation-admin.conf", "x");
  Write("constellation-mastersecret.json", "x");
  Write("mine.txt", "x");
  EXPECT_EQ(Run({"terminate", "-y"}), ExitCode::kSuccess) << err_;
  EXPECT_FALSE(FileExists(workspace_.Join("constellation-conf.yaml")));
  EXPECT_FALSE(FileExists(workspace_.Join("constellation-state.yaml")));
  EXPECT_FALSE(FileExists(workspace_.Join("constellation-admin.conf")));
  EXPECT_TRUE(FileExists(workspace_.Join("constellation-mastersecret.json")));
  EXPECT_TRUE(FileExists(workspace_.Join("mine.txt")));
  EXPECT_THAT(out_, HasSubstr("Kept the master secret"));
}

// The file behind the link may tell of a cluster in a cloud: without it nothing
// says that this is none of this machine.
TEST_F(TerminateTest, StateOnADiskThatIsNotMountedIsNotRemoved) {
  const std::string state = workspace_.Join("constellation-state.yaml");
  ASSERT_EQ(symlink("unmounted/state", state.c_str()), 0);
  Write("constellation-admin.conf", "x");
  EXPECT_EQ(Run({"terminate", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("is its disk mounted?"));
  EXPECT_TRUE(FileExists(workspace_.Join("constellation-admin.conf")));
  EXPECT_TRUE(std::filesystem::is_symlink(state));
}

TEST_F(TerminateTest, RemovesWhatAKilledCreationLeft) {
  Write("x", "");
  ASSERT_TRUE(
      MakeDirectories(workspace_.Join("constellation-qemu/node-0")).ok());
  EXPECT_EQ(Run({"terminate", "-y"}), ExitCode::kSuccess) << err_;
  EXPECT_FALSE(FileExists(workspace_.Join("constellation-qemu")));
}

TEST_F(TerminateTest, FileThatCannotBeRemovedIsAnError) {
  ASSERT_TRUE(
      MakeDirectories(workspace_.Join("constellation-admin.conf/x")).ok());
  EXPECT_EQ(Run({"terminate", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("remove"));
  EXPECT_THAT(err_, HasSubstr("constellation-admin.conf"));
}

TEST_F(TerminateTest, MiniDownLeavesOtherClustersAlone) {
  EXPECT_EQ(Run({"config", "generate", "qemu"}), ExitCode::kSuccess);
  EXPECT_EQ(Run({"mini", "down", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("was not made by `mini up`"));
  EXPECT_TRUE(FileExists(workspace_.Join("constellation-conf.yaml")));
}

TEST_F(TerminateTest, NeedsAWorkspace) {
  EXPECT_EQ(Run({"-C", "/nonexistent/workspace", "terminate", "-y"}),
            ExitCode::kError);
  EXPECT_THAT(out_, Not(HasSubstr("Kept")));
}

TEST_F(TerminateTest, TerminateWantsConfigThatFits) {
  State state;
  state.infrastructure.uid = "0a1b2c3d";
  state.infrastructure.name = "demo";
  state.infrastructure.cloud.provider = "gcp";
  Write("constellation-state.yaml", RenderState(state));
  Write("constellation-conf.yaml",
        RenderConfig(DefaultCloudConfig("aws", "aws-sev-snp")));
  EXPECT_EQ(Run({"terminate", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("runs on gcp, but the config file says aws"));
}

// The state file was lost, the journal says which cluster it is.
TEST_F(TerminateTest, TerminateReadsUidFromJournal) {
  Write("constellation-cloud.journal",
        R"({"format":"constellation-cloud-journal","version":1,)"
        R"("uid":"0a1b2c3d","name":"demo","cloud":"gcp","scope":"s"})"
        "\n");
  Write("constellation-conf.yaml",
        RenderConfig(DefaultCloudConfig("aws", "aws-sev-snp")));
  EXPECT_EQ(Run({"terminate", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("runs on gcp"));
  Write("constellation-cloud.journal", "damaged\n");
  EXPECT_EQ(Run({"terminate", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("is damaged"));
}

}  // namespace
}  // namespace constellation::cli
