// SPDX-License-Identifier: Apache-2.0
// The commands of the cli against a Google Cloud on loopback, with the real
// transport, provider and clock.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/integration/cli/cloud_life.h"
#include "tests/integration/gcp/gcp_world.h"

namespace constellation::cli {
namespace {

using cloud::gcp::testing::GcpServer;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

class GcpCommandsTest : public testing::CloudLife {
 protected:
  static void SetUpTestSuite() {
    UseUsersHome();
    GcpServer::Get();
  }
  GcpCommandsTest() {
    server_.Control("/_reset", json::object());
    server_.Control("/_ctl",
                    {{"auth", {{"tokens", {{"ya29.test", "tester"}}}}}});
    for (const auto& [name, value] : server_.Variables()) {
      setenv(name.c_str(), value.c_str(), 1);
    }
  }

  Config MakeConfig() override {
    Config config = DefaultCloudConfig("gcp", "gcp-sev-snp");
    config.image = image_;
    config.cloud = settings_;
    return config;
  }
  json Storage(const json& wish) {
    return server_.Control("/_ctl", {{"storage", wish}});
  }

  GcpServer& server_ = GcpServer::Get();
  std::string image_ = "projects/images/global/images/node-1";
  cloud::GcpSettings settings_ = [] {
    auto settings = std::get<cloud::GcpSettings>(
        DefaultCloudConfig("gcp", "gcp-sev-snp").cloud);
    settings.project = "demo-project";
    settings.region = "europe-west3";
    settings.zone = "europe-west3-b";
    settings.service_account_key_path = "key.json";
    settings.iam_service_account_vm = "vm@demo-project.iam.gserviceaccount.com";
    return settings;
  }();
};

// Two minutes: what was made a moment ago is not believed to be gone.
TEST_F(GcpCommandsTest, AClustersLife) {
  const json policy = server_.Control("/_dump").at("iam").at("policy");
  settings_ = std::get<cloud::GcpSettings>(
      CreateIdentities({"gcp", "--prefix", "demo", "--projectID",
                        "demo-project", "--zone", "europe-west3-b"})
          .cloud);
  EXPECT_THAT(settings_.iam_service_account_vm, HasSubstr("demo-vm@"));
  const std::string key = workspace_.Join("gcpServiceAccountKey.json");
  struct stat about {};
  ASSERT_EQ(stat(key.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777U, 0600U);

  image_ = UploadImage({.damage =
                            [&] {
                              Storage({{"damage", true}});
                            },
                        .damage_words = "what arrived is not what was sent",
                        .stop =
                            [&] {
                              Storage({{"keep", 0.5}, {"refuse", 1}});
                            },
                        .stop_words = "no more for now",
                        .peace =
                            [&] {
                              Storage({{"keep", 1.0}});
                            }});
  EXPECT_THAT(image_, HasSubstr("projects/demo-project/global/images/"));
  EXPECT_EQ(server_.Control("/_dump").at("objects"), 0);

  const std::string uid = LiveAndDie();
  EXPECT_EQ(server_.Control("/_dump").at("compute").dump().find(uid),
            std::string::npos);
  EXPECT_EQ(Run({"iam", "destroy", "-y"}), ExitCode::kSuccess) << err_;
  EXPECT_FALSE(FileExists(key));
  const json left = server_.Control("/_dump").at("iam");
  EXPECT_EQ(left.at("accounts"), json::object());
  EXPECT_EQ(left.at("keys"), json::object());
  EXPECT_EQ(left.at("policy").at("bindings"), policy.at("bindings"));
}

TEST_F(GcpCommandsTest, ConsolesAreShown) {
  WriteConfig(1);
  ASSERT_EQ(Run({"create", "-y"}), ExitCode::kSuccess) << err_;
  EXPECT_THAT(err_, AllOf(HasSubstr("to create"), HasSubstr("ready   net")));
  EXPECT_EQ(LoadState().infrastructure.cloud.details.at("projectID"),
            "demo-project");
  ASSERT_EQ(Run({"status", "-o", "json"}), ExitCode::kSuccess) << err_;
  const std::string node = json::parse(out_)["nodes"][0]["name"];
  ASSERT_EQ(Run({"status", "--console", node}), ExitCode::kSuccess) << err_;
  EXPECT_THAT(out_, HasSubstr(node));
}

// etcd would go on counting machines that the cloud deletes.
TEST_F(GcpCommandsTest, ControlPlanesShrinkWithConsentOnly) {
  const auto want = [&](int control_planes) {
    WriteConfig(1);
    Config config = LoadConfig();
    config.node_groups.at("control_plane_default").initial_count =
        control_planes;
    Write("constellation-conf.yaml", RenderConfig(config));
  };
  want(3);
  ASSERT_EQ(Run({"create", "-y"}), ExitCode::kSuccess) << err_;
  State state = LoadState();
  state.cluster_values = {.cluster_id = std::string(64, 'c'),
                          .measurement_salt = std::string(64, 'd')};
  Write("constellation-state.yaml", RenderState(state));
  want(2);
  const json before = server_.Control("/_dump").at("compute");
  EXPECT_EQ(Run({"plan"}), ExitCode::kSuccess);
  EXPECT_THAT(err_, HasSubstr("shrinks from 3 machines to 2"));
  EXPECT_EQ(Run({"create", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, AllOf(HasSubstr("shrinks from 3 machines to 2"),
                          HasSubstr("--allow-deletion permits it")));
  EXPECT_EQ(server_.Control("/_dump").at("compute"), before);
  EXPECT_EQ(Run({"create", "-y", "--allow-deletion"}), ExitCode::kSuccess)
      << err_;
  EXPECT_THAT(err_, HasSubstr("Warning: the plan takes machines"));
}

TEST_F(GcpCommandsTest, WrongTokenIsExplained) {
  WriteConfig(1);
  setenv("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.other", 1);
  EXPECT_EQ(Run({"plan"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("Error: "));
  EXPECT_FALSE(FileExists(workspace_.Join("constellation-state.yaml")));
}

// Two machines of four processors each, and room for one less.
TEST_F(GcpCommandsTest, QuotaThatDoesNotSufficeIsToldBeforeAnythingIsMade) {
  const auto limit = [&](double processors) {
    server_.Control("/_ctl", {{"compute", {{"cpu_quota", processors}}}});
  };
  WriteConfig(1);
  limit(11);  // four are in use
  const json before = server_.Control("/_dump").at("compute");
  EXPECT_EQ(Run({"create", "-y"}), ExitCode::kError);
  EXPECT_THAT(
      err_, AllOf(HasSubstr("8 processors more are needed of quota N2D_CPUS in "
                            "europe-west3, 7 are free"),
                  HasSubstr("ask Google for more, or choose fewer or smaller "
                            "nodes")));
  limit(12);
  server_.Control("/_ctl", {{"compute", {{"cpu_quota_all", 13}}}});  // 6 used
  EXPECT_EQ(Run({"create", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("8 processors more are needed of quota "
                              "CPUS_ALL_REGIONS in project demo-project, 7 "
                              "are free"));
  EXPECT_EQ(server_.Control("/_dump").at("compute"), before);
  EXPECT_FALSE(HasState());
  EXPECT_FALSE(FileExists(workspace_.Join("constellation-cloud.journal")));
  // A plan needs no quota.
  EXPECT_GT(Plan()["summary"]["create"], 4);
}

TEST_F(GcpCommandsTest, ImageThatIsNotThereIsToldBeforeAnythingIsMade) {
  WriteConfig(1);
  std::string text = *ReadFile(workspace_.Join("constellation-conf.yaml"));
  text.replace(text.find("images/node-1"), 13, "images/absent");
  Write("constellation-conf.yaml", text);
  EXPECT_EQ(Run({"create", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("absent"));
  EXPECT_FALSE(FileExists(workspace_.Join("constellation-state.yaml")));
}

}  // namespace
}  // namespace constellation::cli
