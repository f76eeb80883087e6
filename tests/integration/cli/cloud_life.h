// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_TESTS_INTEGRATION_CLI_CLOUD_LIFE_H_
#define CONSTELLATION_TESTS_INTEGRATION_CLI_CLOUD_LIFE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "cli/config/config.h"
#include "cli/exit_code.h"
#include "cli/testing/command_runner.h"
#include "cli/workspace/state.h"
#include "common/files.h"
#include "common/hex.h"
#include "image/measure/gpt.h"
#include "image/measure/testing/builders.h"

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

  // What goes wrong with uploads, each of it told by an error that holds
  // `*_words`.
  struct UploadTroubles {
    std::function<void()> damage;  // what comes next arrives otherwise
    std::string damage_words;
    std::function<void()> stop;  // the next upload ends half-way
    std::string stop_words;
    std::function<void()> peace;  // from now on everything works
  };
  // Uploads an image in spite of these. The reference, which the config has
  // then, too.
  std::string UploadImage(const UploadTroubles& troubles) {
    WriteConfig(1);
    WriteNodeImage();
    const std::string before = ConfigText();
    for (const auto& [trouble, words] :
         {std::pair(troubles.damage, troubles.damage_words),
          std::pair(troubles.stop, troubles.stop_words)}) {
      trouble();
      EXPECT_EQ(Upload(), ExitCode::kError) << words;
      EXPECT_THAT(err_, ::testing::HasSubstr(words));
      EXPECT_EQ(out_, "");
      EXPECT_EQ(ConfigText(), before);
      troubles.peace();
    }
    const std::string reference = Uploaded();
    EXPECT_EQ(Uploaded(), reference) << "what is there is kept";
    EXPECT_FALSE(FileExists(workspace_.Join("constellation-upload.json")));
    return reference;
  }

  // What wrong credentials lead to: an explanation, and nothing else.
  void ExpectExplained(std::string_view hint) {
    WriteConfig(1);
    EXPECT_EQ(Run({"create", "-y"}), ExitCode::kError);
    EXPECT_THAT(err_, ::testing::HasSubstr("Error: "));
    EXPECT_THAT(err_, ::testing::HasSubstr(std::string(hint)));
    EXPECT_FALSE(HasState());
  }

  // Creates identities as `iam create` with `arguments` does, twice, and writes
  // them to the config, which is the result.
  Config CreateIdentities(std::vector<std::string> arguments) {
    WriteConfig(1);
    arguments.insert(arguments.begin(), {"iam", "create"});
    arguments.insert(arguments.end(), {"--update-config", "-y"});
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(Run(arguments), ExitCode::kSuccess) << err_;
    }
    return LoadConfig();
  }

  std::string ConfigText() const {
    const auto text = ReadFile(workspace_.Join("constellation-conf.yaml"));
    EXPECT_TRUE(text.ok()) << text.status();
    return text.value_or("");
  }
  Config LoadConfig() const {
    const auto config = ParseConfig(ConfigText(), "c");
    EXPECT_TRUE(config.ok()) << config.status();
    return config.ok() ? *config : Config();
  }

 private:
  // A disk that boots a unified kernel image, with noise at its end, so that it
  // does not shrink to nothing.
  void WriteNodeImage() {
    namespace measure = image::measure;
    namespace builders = measure::testing;
    const builders::Bytes esp = builders::MakeFat(
        builders::FatKind::k32, builders::MakePe(builders::UkiSections()));
    constexpr uint64_t kFirst = 2048;
    constexpr size_t kNoise = 1'500'000;
    builders::Bytes disk = builders::MakeGpt(
        {{.type = builders::GuidOf(measure::kEspTypeGuid),
          .id = builders::GuidOf(measure::kEspTypeGuid),
          .first_sector = kFirst,
          .sector_count = esp.size() / measure::kSectorSize}});
    disk.resize(kFirst * measure::kSectorSize);
    disk.insert(disk.end(), esp.begin(), esp.end());
    ASSERT_GT(disk.size(), 4 * kNoise);
    uint32_t value = 1;
    std::for_each(disk.end() - kNoise, disk.end(), [&value](uint8_t& octet) {
      value = value * 1664525 + 1013904223;
      octet = static_cast<uint8_t>(value >> 24U);
    });
    Write("node.raw", AsText(disk));
  }
  ExitCode Upload() {
    return Run({"image", "upload", workspace_.Join("node.raw"), "--version",
                "v0.1.0", "--update-config"});
  }
  // One that works. Nodes are measured by what was uploaded.
  std::string Uploaded() {
    EXPECT_EQ(Upload(), ExitCode::kSuccess) << err_;
    const Config config = LoadConfig();
    EXPECT_EQ(out_, config.image + "\n");
    EXPECT_NE(RenderConfig(config).find("measurements"), std::string::npos);
    EXPECT_TRUE(config.measurements.contains(11));
    return config.image;
  }
};

}  // namespace constellation::cli::testing

#endif  // CONSTELLATION_TESTS_INTEGRATION_CLI_CLOUD_LIFE_H_
