// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/testing/command_runner.h"

namespace constellation::cli {
namespace {

using ::testing::HasSubstr;

class QemuPowerTest : public testing::CommandTest {};

TEST_F(QemuPowerTest, NeedsACluster) {
  for (const char* operation : {"start", "stop", "reset", "kill"}) {
    EXPECT_EQ(Run({"qemu-power", operation, "n0"}), ExitCode::kError)
        << operation;
    EXPECT_THAT(err_, HasSubstr(workspace_.path())) << operation;
  }
}

TEST_F(QemuPowerTest, KnowsItsOperations) {
  EXPECT_EQ(Run({"qemu-power", "explode", "n0"}), ExitCode::kUsage);
  EXPECT_EQ(Run({"qemu-power", "start"}), ExitCode::kUsage);
}

}  // namespace
}  // namespace constellation::cli
