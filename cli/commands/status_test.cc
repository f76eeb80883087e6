// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/testing/command_runner.h"

namespace constellation::cli {
namespace {

using ::testing::HasSubstr;

class StatusTest : public testing::CommandTest {};

TEST_F(StatusTest, WithoutClusterSaysHowToMakeOne) {
  EXPECT_EQ(Run({"status"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("there is no cluster in"));
  EXPECT_THAT(err_, HasSubstr("constellation apply"));
  EXPECT_EQ(out_, "");
}

TEST_F(StatusTest, SpoiltStateFileIsAnError) {
  Write("constellation-state.yaml", "version: v1\nbogus: 1\n");
  EXPECT_EQ(Run({"status"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("unknown key bogus"));
}

TEST_F(StatusTest, NeedsAWorkspace) {
  EXPECT_EQ(Run({"-C", "/nonexistent/workspace", "status"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("/nonexistent/workspace"));
}

}  // namespace
}  // namespace constellation::cli
