// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::bootstrapper {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

absl::Status RunWith(std::vector<std::string> arguments) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) {
    pointers.push_back(argument.data());
  }
  return RunCommand(pointers);
}

TEST(CommandsTest, WantsACommandThatItKnows) {
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{}, {"dance"}, {"--root", "/x"}, {""}}) {
    EXPECT_THAT(RunWith(wrong), StatusIs(absl::StatusCode::kInvalidArgument,
                                         HasSubstr("run or pod-network")));
  }
}

TEST(CommandsTest, WantsKnownOptionsWithTheirValues) {
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"run", "--rooot", "/x"},
        {"run", "--root"},
        {"pod-network", "--tcti", "t", "--listen"},
        {"run", "extra"}}) {
    EXPECT_THAT(RunWith(wrong),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("known option and its value, got \"" +
                                   wrong[wrong.size() > 3 ? 3 : 1])));
  }
}

// Every option goes where it belongs: the agent looks below --root.
TEST(CommandsTest, PodNetworkNeedsAMember) {
  const constellation::testing::TempDir root;
  EXPECT_THAT(RunWith({"pod-network", "--root", root.path(),
                       "--metadata-socket", root.Join("socket")}),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr(root.Join("run/state/constellation"))));
}

}  // namespace
}  // namespace constellation::bootstrapper
