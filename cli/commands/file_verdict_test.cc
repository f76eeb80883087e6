// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/file_verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/testing/command_runner.h"

namespace constellation::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class FileVerdictTest : public testing::CommandTest {
 protected:
  // Both commands of an empty folder, which is no success for either.
  std::string Output(const std::string& group, const std::string& format) {
    EXPECT_NE(Run({group, "verify", workspace_.path(), "-o", format}),
              ExitCode::kSuccess);
    return out_;
  }
};

TEST_F(FileVerdictTest, EveryFormatIsPrinted) {
  EXPECT_THAT(Output("collateral", "junit"), StartsWith("<?xml"));
  EXPECT_THAT(Output("collateral", "json"), StartsWith("{"));
}

TEST_F(FileVerdictTest, TimesAreOfOneForm) {
  for (const char* bad : {"soon", "2026-11-21", "1700000000", ""}) {
    EXPECT_EQ(Run({"collateral", "verify", workspace_.path(), "--at", bad}),
              ExitCode::kUsage)
        << bad;
    EXPECT_THAT(err_, HasSubstr("want a time such as")) << bad;
  }
  EXPECT_NE(Run({"collateral", "verify", workspace_.path(), "--at",
                 "2026-11-21T08:00:00+01:00"}),
            ExitCode::kUsage);
}

}  // namespace
}  // namespace constellation::cli
