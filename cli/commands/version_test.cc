// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cli/testing/command_runner.h"

namespace constellation::cli {
namespace {

using ::testing::MatchesRegex;

class VersionTest : public testing::CommandTest {};

TEST_F(VersionTest, TellsVersionAndPlatform) {
  EXPECT_EQ(Run({"version"}), ExitCode::kSuccess);
  EXPECT_THAT(out_, MatchesRegex("Version:   v[0-9]+\\.[0-9]+\\.[0-9]+\n"
                                 "Platform:  linux/amd64\n"));
  EXPECT_EQ(err_, "");
}

TEST_F(VersionTest, TellsMachinesTheSame) {
  EXPECT_EQ(Run({"version", "-o", "json"}), ExitCode::kSuccess);
  const auto json = nlohmann::json::parse(out_);
  EXPECT_THAT(json.at("version").get<std::string>(),
              MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_EQ(json.at("platform"), "linux/amd64");
}

TEST_F(VersionTest, TakesNoArguments) {
  EXPECT_EQ(Run({"version", "now"}), ExitCode::kUsage);
}

}  // namespace
}  // namespace constellation::cli
