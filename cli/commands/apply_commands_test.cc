// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/config/config.h"
#include "cli/testing/command_runner.h"

namespace constellation::cli {
namespace {

using ::testing::HasSubstr;

// Only what ends before a machine is made.
class ApplyCommandsTest : public testing::CommandTest {
 protected:
  void Configure(const Config& config) {
    Write("constellation-conf.yaml", RenderConfig(config));
  }
  static Config Mini() {
    Config config = DefaultMiniConfig();
    config.image = "/nonexistent/image.raw";
    return config;
  }
};

TEST_F(ApplyCommandsTest, NeedAConfiguration) {
  for (const char* command : {"apply", "create"}) {
    EXPECT_EQ(Run({command, "-y"}), ExitCode::kError);
    EXPECT_THAT(err_, HasSubstr("constellation-conf.yaml")) << command;
    EXPECT_THAT(err_, HasSubstr("config generate")) << command;
  }
}

TEST_F(ApplyCommandsTest, UnknownPhaseIsAUsageError) {
  Configure(Mini());
  EXPECT_EQ(Run({"apply", "-y", "--skip-phases", "infra"}), ExitCode::kUsage);
  EXPECT_THAT(err_, HasSubstr("infrastructure"));
}

TEST_F(ApplyCommandsTest, ServicesOfAnotherVersionAreRefused) {
  Config config = Mini();
  config.microservice_version = "v99.0.0";
  Configure(config);
  EXPECT_EQ(Run({"apply", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("microserviceVersion: want v"));
  EXPECT_THAT(err_, HasSubstr("got v99.0.0; --force goes on all the same"));
}

TEST_F(ApplyCommandsTest, ForceTurnsThatIntoAWarning) {
  Config config = Mini();
  config.microservice_version = "v99.0.0";
  Configure(config);
  EXPECT_EQ(Run({"--force", "apply", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("Warning: microserviceVersion"));
  EXPECT_THAT(err_, HasSubstr("/nonexistent/image.raw"));
}

TEST_F(ApplyCommandsTest, PlanIsShownBeforeAnythingIsMade) {
  Configure(Mini());
  EXPECT_EQ(Run({"apply", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("Cluster \"mini\" on this machine:\n"));
  EXPECT_THAT(err_, HasSubstr("  1 x control_plane_default (control-plane), "));
  EXPECT_THAT(err_, HasSubstr("node image /nonexistent/image.raw"));
  EXPECT_FALSE(FileExists(workspace_.Join("constellation-state.yaml")));
}

TEST_F(ApplyCommandsTest, InitWithoutMachinesSaysWhatToDo) {
  Configure(Mini());
  EXPECT_EQ(Run({"init"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("constellation create"));
}

TEST_F(ApplyCommandsTest, MiniUpWritesItsConfigurationOnce) {
  EXPECT_EQ(Run({"mini", "up", "--image", "/nonexistent/image.raw"}),
            ExitCode::kError);
  const std::string path = workspace_.Join("constellation-conf.yaml");
  ASSERT_TRUE(FileExists(path));
  EXPECT_THAT(*ReadFile(path), HasSubstr("/nonexistent/image.raw"));
  EXPECT_EQ(Run({"mini", "up", "--image", "/nonexistent/other.raw"}),
            ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("names \"/nonexistent/image.raw\"; change it"));
  EXPECT_EQ(Run({"mini", "up", "--image", "/nonexistent/image.raw"}),
            ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("node image /nonexistent/image.raw"));
  EXPECT_EQ(Run({"mini", "up"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("node image /nonexistent/image.raw"))
      << "no image named: the config's";
}

}  // namespace
}  // namespace constellation::cli
