// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "cli/testing/command_runner.h"

namespace constellation::cli {
namespace {

using ::testing::HasSubstr;

class ImageCommandsTest : public testing::CommandTest {
 protected:
  // Pretends that `script` is the builder of images.
  void UseBuilder(const std::string& script) {
    ASSERT_TRUE(MakeDirectories(folder_.Join("share/image")).ok());
    const std::string path = folder_.Join("share/image/build");
    ASSERT_TRUE(WriteFileAtomically(path, script, 0700).ok());
    share_.Set(folder_.Join("share"));
  }

  testing::ScopedVariable share_{"CONSTELLATION_SHARE_DIR"};
};

TEST_F(ImageCommandsTest, BuildCallsTheBuilder) {
  UseBuilder("#!/bin/sh\necho \"$@\" > " + folder_.Join("seen") + "\n");
  EXPECT_EQ(Run({"image", "build", "--binaries", "/b", workspace_.Join("i")}),
            ExitCode::kSuccess)
      << err_;
  EXPECT_EQ(*ReadFile(folder_.Join("seen")),
            "--binaries /b --output " + workspace_.Join("i") + "\n");
  EXPECT_EQ(out_, "Built " + workspace_.Join("i") + "/constellation.raw\n");
}

TEST_F(ImageCommandsTest, BuildGoesIntoTheUsersCache) {
  UseBuilder("#!/bin/sh\nexit 0\n");
  EXPECT_EQ(Run({"image", "build"}), ExitCode::kSuccess) << err_;
  EXPECT_EQ(out_, "Built " + folder_.Join(".cache/constellation/image") +
                      "/constellation.raw\n");
}

TEST_F(ImageCommandsTest, FailedBuildIsAnError) {
  UseBuilder("#!/bin/sh\nexit 3\n");
  EXPECT_EQ(Run({"image", "build", workspace_.Join("i")}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("image/build failed"));
  EXPECT_EQ(out_, "");
  UseBuilder("#!/nonexistent/interpreter\n");
  EXPECT_EQ(Run({"image", "build", workspace_.Join("i")}), ExitCode::kError);
}

TEST_F(ImageCommandsTest, MeasureSaysHowToMakeAnImage) {
  EXPECT_EQ(Run({"image", "measure"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("constellation image build"));
}

TEST_F(ImageCommandsTest, FlagsOfTheMonitorNeedFirmware) {
  for (const char* flag :
       {"--vcpus", "--vcpu-type", "--sev-features", "--kernel", "--initrd",
        "--cmdline", "--event-log"}) {
    EXPECT_EQ(Run({"image", "measure", flag, "1"}), ExitCode::kError);
    EXPECT_THAT(err_, HasSubstr(std::string(flag) + ": only with --firmware"));
  }
  EXPECT_EQ(Run({"image", "measure", "--vmm", "ec2"}), ExitCode::kError);
  EXPECT_EQ(Run({"image", "measure", "--vmm", "bochs"}), ExitCode::kUsage);
}

TEST_F(ImageCommandsTest, MeasureRefusesWhatIsNoDisk) {
  const std::string path = Write("disk.raw", std::string(4096, '\0'));
  const std::string profile = workspace_.Join("profile.json");
  EXPECT_EQ(Run({"image", "measure", path, "--profile", profile}),
            ExitCode::kError);
  EXPECT_FALSE(FileExists(profile));
}

}  // namespace
}  // namespace constellation::cli
