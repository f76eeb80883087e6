// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "cloud/qemu/supervisor_client.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::qemu {
namespace {

std::optional<int> Command(std::initializer_list<const char*> arguments) {
  std::vector<const char*> argv = {"program"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return RunHiddenCommand(static_cast<int>(argv.size()), argv.data());
}

TEST(HiddenCommandsTest, LeaveOtherCommandsToTheProgram) {
  EXPECT_EQ(Command({}), std::nullopt);
  EXPECT_EQ(Command({"apply"}), std::nullopt);
  EXPECT_EQ(Command({"apply", "qemu-supervisor"}), std::nullopt);
  EXPECT_EQ(Command({"qemu-relay"}), std::nullopt) << "no socket is no relay";
  EXPECT_EQ(Command({"qemu-relay", "a", "b"}), std::nullopt);
}

TEST(HiddenCommandsTest, TheSupervisorWantsItsFolder) {
  EXPECT_EQ(Command({"qemu-supervisor"}), 2);
  EXPECT_EQ(Command({"qemu-supervisor", "--folder", "x"}), 2);
  EXPECT_EQ(Command({"qemu-supervisor", "--directory", "x", "more"}), 2);
}

TEST(HiddenCommandsTest, ARelayWithoutAServiceFails) {
  const constellation::testing::TempDir dir;
  EXPECT_EQ(Command({"qemu-relay", dir.Join("none").c_str()}), 1);
}

// In a process of its own: it blocks signals and becomes a subreaper.
TEST(HiddenCommandsTest, ASupervisorOfNothingFails) {
  const constellation::testing::TempDir dir;
  EXPECT_EXIT(
      _exit(Command({"qemu-supervisor", "--directory", dir.path().c_str()})
                .value_or(99)),
      ::testing::ExitedWithCode(1), "event=failed.*cluster.json");
}

}  // namespace
}  // namespace constellation::cloud::qemu
