// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/confirm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>

#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kFailed = absl::StatusCode::kFailedPrecondition;

class ConfirmTest : public ::testing::Test {
 protected:
  // Asks a user who types `typed`.
  absl::Status Ask(const std::string& typed) {
    std::istringstream input(typed);
    std::streambuf* const before = std::cin.rdbuf(input.rdbuf());
    std::cin.clear();
    char* text = nullptr;
    size_t size = 0;
    CommandContext context;
    context.err = open_memstream(&text, &size);
    const absl::Status status = Confirm("Sure?", context);
    std::fclose(context.err);
    asked_.assign(text, size);
    std::free(text);
    std::cin.rdbuf(before);
    std::cin.clear();
    return status;
  }

  std::string asked_;
};

TEST_F(ConfirmTest, TakesYes) {
  for (const char* yes : {"y\n", "Y\n", "yes\n", "y"}) {
    EXPECT_THAT(Ask(yes), IsOk()) << yes;
    EXPECT_EQ(asked_, "Sure? [y/n] ");
  }
}

TEST_F(ConfirmTest, TakesNo) {
  for (const char* no : {"n\n", "N\n", "no\n"}) {
    EXPECT_THAT(Ask(no),
                StatusIs(kFailed, "not confirmed; nothing was changed"));
  }
}

TEST_F(ConfirmTest, AsksAgainAfterOtherAnswers) {
  EXPECT_THAT(Ask("what?\n\ny\n"), IsOk());
  EXPECT_EQ(asked_, "Sure? [y/n] Sure? [y/n] Sure? [y/n] ");
}

TEST_F(ConfirmTest, GivesUpAfterThreeAnswers) {
  EXPECT_THAT(Ask("a\nb\nc\ny\n"),
              StatusIs(kFailed, "neither y nor n; nothing was changed"));
}

// A script without a terminal must not go on by accident.
TEST_F(ConfirmTest, NoAnswerIsNo) {
  EXPECT_THAT(Ask(""), StatusIs(kFailed, HasSubstr("Use -y to go on")));
  EXPECT_THAT(Ask("ye"), StatusIs(kFailed));
}

}  // namespace
}  // namespace constellation::cli
