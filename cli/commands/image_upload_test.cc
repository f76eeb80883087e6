// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/config/config.h"
#include "cli/exit_code.h"
#include "cli/testing/command_runner.h"

namespace constellation::cli {
namespace {

using ::testing::HasSubstr;

class ImageUploadCommandTest : public testing::CommandTest {
 protected:
  void WriteConfig(const Config& config) {
    Write("constellation-conf.yaml", RenderConfig(config));
  }
};

TEST_F(ImageUploadCommandTest, UploadNeedsCloud) {
  WriteConfig(DefaultQemuConfig());
  EXPECT_EQ(Run({"image", "upload", "/nonexistent.raw"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("provider qemu boots the image file itself"));
}

TEST_F(ImageUploadCommandTest, UploadNeedsAnImage) {
  WriteConfig(DefaultCloudConfig("gcp", "gcp-tdx"));
  EXPECT_EQ(Run({"image", "upload", "/nonexistent.raw"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("no such file"));
  EXPECT_EQ(out_, "");
}

TEST_F(ImageUploadCommandTest, UploadNeedsAConfig) {
  EXPECT_EQ(Run({"image", "upload", "/nonexistent.raw"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("constellation-conf.yaml does not exist"));
}

}  // namespace
}  // namespace constellation::cli
