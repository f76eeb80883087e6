// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/testing/command_runner.h"

namespace constellation::cli {
namespace {

using ::testing::HasSubstr;

class VerifyCommandTest : public testing::CommandTest {};

TEST_F(VerifyCommandTest, NeedsAState) {
  EXPECT_EQ(Run({"verify"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("constellation-state.yaml"));
}

// Could not check (1) must not look like refused (2) nor verified (0).
TEST_F(VerifyCommandTest, ClusterThatWasNeverMadeIsUnchecked) {
  Write("constellation-state.yaml", "version: v1\n");
  EXPECT_EQ(Run({"verify"}), ExitCode::kError);
  EXPECT_EQ(out_, "");
}

TEST_F(VerifyCommandTest, SpoiltStateIsAnError) {
  Write("constellation-state.yaml", "version: v1\nversion: v1\n");
  EXPECT_EQ(Run({"verify"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("is there twice"));
}

}  // namespace
}  // namespace constellation::cli
