// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

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

}  // namespace
}  // namespace constellation::cli
