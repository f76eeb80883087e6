// SPDX-License-Identifier: Apache-2.0
#include "common/command.h"

#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation {
namespace {

using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

TEST(CommandTest, GivesInputAndCollectsBothOutputs) {
  ProcessRunner runner;
  const std::string input(200000, 'x');
  ASSERT_OK_AND_ASSIGN(const CommandResult result,
                       runner.Run({"sh", "-c", "cat; echo problem >&2; exit 3"},
                                  {.input = AsBytes(input)}));
  EXPECT_EQ(result.out, input);
  EXPECT_EQ(result.err, "problem\n");
  EXPECT_EQ(result.exit_code, 3);
}

TEST(CommandTest, ReportsAMissingProgram) {
  ProcessRunner runner;
  EXPECT_THAT(
      runner.Run({"/nonexistent/program"}, {}),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nonexistent/program")));
}

TEST(CommandTest, EndsAProgramThatTakesTooLong) {
  ProcessRunner runner;
  EXPECT_THAT(runner.Run({"sleep", "60"}, {.timeout = absl::Milliseconds(50)}),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST(CommandTest, LimitsTheOutput) {
  ProcessRunner runner;
  ASSERT_OK_AND_ASSIGN(
      const CommandResult result,
      runner.Run({"sh", "-c", "head -c 100000 /dev/zero"}, {.max_output = 10}));
  EXPECT_EQ(result.out.size(), 10U);
}

TEST(CommandTest, CheckedRunQuotesTheError) {
  ProcessRunner runner;
  EXPECT_THAT(RunChecked(runner, {"echo", "hi"}), IsOkAndHolds("hi\n"));
  EXPECT_THAT(
      RunChecked(runner, {"sh", "-c", "echo why >&2; exit 7"}),
      StatusIs(absl::StatusCode::kInternal, HasSubstr("exit code 7: why")));
}

TEST(CommandTest, AddsToTheEnvironment) {
  ProcessRunner runner;
  EXPECT_THAT(RunChecked(runner, {"sh", "-c", "echo $ADDED"},
                         {.environment = {"ADDED=yes"}}),
              IsOkAndHolds("yes\n"));
}

}  // namespace
}  // namespace constellation
