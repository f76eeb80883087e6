// SPDX-License-Identifier: Apache-2.0
// What the program says to wrong arguments, keys and disks. Whole runs are in
// disk-mapper/vm_test.
#include "disk-mapper/commands.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "common/unique_fd.h"

namespace constellation::disk_mapper {
namespace {

using ::constellation::testing::IsOk;
using ::testing::HasSubstr;

constexpr char kUuid[] = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

class CommandsTest : public ::testing::Test {
 protected:
  CommandsTest() : disk_(dir_.Join("disk")) {
    // Sparse: the smallest disk that is taken.
    const UniqueFd file(
        open(disk_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    EXPECT_EQ(ftruncate(file.get(), off_t{1} << 30U), 0);
    SetInput("");
  }

  void SetInput(const std::string& text) {
    const std::string path = dir_.Join("input");
    EXPECT_THAT(WriteFileAtomically(path, text), IsOk());
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_GE(dup2(file.get(), STDIN_FILENO), 0);
  }
  ExitCode Run(std::vector<std::string> arguments) {
    std::vector<char*> argv;
    for (std::string& argument : arguments) {
      argv.push_back(argument.data());
    }
    // The log goes to standard output unless it is set up.
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const ExitCode code = RunCommand(argv);
    said_ = ::testing::internal::GetCapturedStdout() +
            ::testing::internal::GetCapturedStderr();
    return code;
  }
  void WriteToDisk(off_t offset, const std::string& text) const {
    const UniqueFd file(open(disk_.c_str(), O_WRONLY | O_CLOEXEC));
    EXPECT_EQ(pwrite(file.get(), text.data(), text.size(), offset),
              static_cast<ssize_t>(text.size()));
  }

  const constellation::testing::TempDir dir_;
  const std::string disk_;
  std::string said_;
};

TEST_F(CommandsTest, ExplainsItselfToWrongArguments) {
  const std::vector<std::vector<std::string>> wrongs = {
      {},
      {"dance"},
      {"boot-now"},
      {"commit", "--force"},
      {"reset", "--disk"},
      {"reset", "--disk", disk_, "more"},
      {"format", "--disk", disk_},
      {"format", "--uuid", kUuid, "--disk", disk_, "--force"}};
  for (const std::vector<std::string>& wrong : wrongs) {
    EXPECT_EQ(Run(wrong), ExitCode::kUsage);
    EXPECT_THAT(said_, HasSubstr("usage: disk-mapper boot"));
  }
}

// systemd reads that one: a page of usage would hide the reason.
TEST_F(CommandsTest, BootSaysTheReasonOnly) {
  EXPECT_EQ(Run({"boot", "--now"}), ExitCode::kUsage);
  EXPECT_THAT(said_, ::testing::Not(HasSubstr("usage:")));
}

TEST_F(CommandsTest, TheKeyHasExactlyItsSize) {
  for (const size_t size : {0U, 31U, 33U, 64U}) {
    SetInput(std::string(size, 'k'));
    EXPECT_EQ(Run({"format", "--uuid", kUuid, "--disk", disk_}),
              ExitCode::kUsage)
        << size;
    EXPECT_THAT(said_, HasSubstr("state disk key: ")) << size;
  }
}

TEST_F(CommandsTest, ResetLeavesABlankDiskBlank) {
  EXPECT_EQ(Run({"reset", "--disk", disk_}), ExitCode::kOk);
}

TEST_F(CommandsTest, ForeignDisksAreRefused) {
  WriteToDisk(0, "LUKS");
  EXPECT_EQ(Run({"reset", "--disk", disk_}), ExitCode::kDiskRefused);
  SetInput(std::string(32, 'k'));
  EXPECT_EQ(Run({"format", "--uuid", kUuid, "--disk", disk_}),
            ExitCode::kDiskRefused);
  std::string start(4, '?');
  const UniqueFd file(open(disk_.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(pread(file.get(), start.data(), start.size(), 0), 4);
  EXPECT_EQ(start, "LUKS") << "it is left alone";
}

TEST_F(CommandsTest, ADiskThatIsNotThereMayCome) {
  EXPECT_EQ(Run({"reset", "--disk", dir_.Join("none")}), ExitCode::kFailed);
}

TEST_F(CommandsTest, NothingIsCommittedThatWasNotFormatted) {
  if (FileExists("/run/constellation/state-disk.json")) {
    GTEST_SKIP() << "this machine is a node";
  }
  EXPECT_EQ(Run({"commit"}), ExitCode::kDiskRefused);
}

}  // namespace
}  // namespace constellation::disk_mapper
