// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cli/testing/command_runner.h"

namespace constellation::cli {
namespace {

using ::testing::HasSubstr;

class CollateralVerifyTest : public testing::CommandTest {};

TEST_F(CollateralVerifyTest, RefusesBadTimes) {
  EXPECT_EQ(Run({"collateral", "verify", workspace_.path(), "--at", "soon"}),
            ExitCode::kUsage);
  EXPECT_THAT(err_, HasSubstr("--at soon: want a time such as"));
}

// An empty folder was not verified: nothing was.
TEST_F(CollateralVerifyTest, NothingToVerifyIsNoSuccess) {
  EXPECT_NE(Run({"collateral", "verify", workspace_.path()}),
            ExitCode::kSuccess);
}

TEST_F(CollateralVerifyTest, MissingFolderIsNamed) {
  EXPECT_EQ(Run({"collateral", "verify", workspace_.Join("absent")}),
            ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr(workspace_.Join("absent")));
}

TEST_F(CollateralVerifyTest, JsonStaysValid) {
  EXPECT_NE(Run({"collateral", "verify", workspace_.path(), "-o", "json"}),
            ExitCode::kSuccess);
  EXPECT_FALSE(nlohmann::json::parse(out_, nullptr, false).is_discarded());
}

}  // namespace
}  // namespace constellation::cli
