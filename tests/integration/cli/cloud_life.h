// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_TESTS_INTEGRATION_CLI_CLOUD_LIFE_H_
#define CONSTELLATION_TESTS_INTEGRATION_CLI_CLOUD_LIFE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cli/config/config.h"
#include "cli/exit_code.h"
#include "cli/testing/command_runner.h"
#include "cli/workspace/state.h"
#include "common/files.h"

namespace constellation::cli::testing {

inline const std::string kUsersHome = [] {
  const char* home = getenv("HOME");
  return std::string(home == nullptr ? "" : home);
}();

// The commands of one cluster's life in a cloud, as a user types them, with the
// real transport, provider and clock.
class CloudLife : public CommandTest {
 protected:
  // For servers, whose parts are kept there: CommandTest leaves another HOME.
  static void UseUsersHome() { setenv("HOME", kUsersHome.c_str(), 1); }

  // One control-plane node, and workers.
  virtual Config MakeConfig() = 0;

  void WriteConfig(int workers) {
    Config config = MakeConfig();
    config.name = "demo";
    config.kubernetes_version = "v1.31.13";
    config.allowed_sources = {"203.0.113.7/32"};
    config.node_groups.at("control_plane_default").initial_count = 1;
    config.node_groups.at("worker_default").initial_count = workers;
    Write("constellation-conf.yaml", RenderConfig(config));
  }
  bool HasState() const {
    return FileExists(workspace_.Join("constellation-state.yaml"));
  }
  State LoadState() const {
    const auto state =
        ParseState(*ReadFile(workspace_.Join("constellation-state.yaml")), "s");
    EXPECT_TRUE(state.ok()) << state.status();
    return state.ok() ? *state : State();
  }
  nlohmann::json Plan() {
    EXPECT_EQ(Run({"plan", "-o", "json"}), ExitCode::kSuccess) << err_;
    return nlohmann::json::parse(out_, nullptr, /*allow_exceptions=*/false);
  }

  // Plans, creates, looks, scales, terminates. Returns the cluster's uid, of
  // which the caller finds nothing any more.
  std::string LiveAndDie() {
    WriteConfig(1);
    EXPECT_GT(Plan()["summary"]["create"], 4);
    EXPECT_FALSE(HasState()) << "a plan writes nothing";
    EXPECT_EQ(Run({"create", "-y"}), ExitCode::kSuccess) << err_;
    if (!HasState()) {
      return "";
    }
    const State state = LoadState();
    EXPECT_NE(state.infrastructure.cluster_endpoint, "");
    const nlohmann::json same = Plan();
    EXPECT_EQ(same["summary"]["create"], 0) << same;
    EXPECT_EQ(same["summary"]["change"], 0) << same;

    WriteConfig(2);
    EXPECT_EQ(Run({"create", "-y"}), ExitCode::kSuccess) << err_;
    EXPECT_EQ(Run({"status", "-o", "json"}), ExitCode::kSuccess) << err_;
    const nlohmann::json status = nlohmann::json::parse(out_);
    EXPECT_EQ(status["nodes"].size(), 3U) << status;
    EXPECT_EQ(status["uid"], state.infrastructure.uid);

    EXPECT_EQ(Run({"terminate", "-y"}), ExitCode::kSuccess) << err_;
    EXPECT_FALSE(HasState());
    EXPECT_FALSE(FileExists(workspace_.Join("constellation-cloud.journal")));
    EXPECT_TRUE(FileExists(workspace_.Join("constellation-conf.yaml")));
    return state.infrastructure.uid;
  }

  // What wrong credentials lead to: an explanation, and nothing else.
  void ExpectExplained(std::string_view hint) {
    WriteConfig(1);
    EXPECT_EQ(Run({"create", "-y"}), ExitCode::kError);
    EXPECT_THAT(err_, ::testing::HasSubstr("Error: "));
    EXPECT_THAT(err_, ::testing::HasSubstr(std::string(hint)));
    EXPECT_FALSE(HasState());
  }
};

}  // namespace constellation::cli::testing

#endif  // CONSTELLATION_TESTS_INTEGRATION_CLI_CLOUD_LIFE_H_
