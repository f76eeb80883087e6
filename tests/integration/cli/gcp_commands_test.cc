// SPDX-License-Identifier: Apache-2.0
// The commands of the cli against a Google Cloud on loopback, with the real
// transport, provider and clock.
#include <fmt/format.h>
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
#include "tests/integration/gcp/gcp_world.h"

namespace constellation::cli {
namespace {

using cloud::gcp::testing::GcpServer;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

class GcpCommandsTest : public testing::CommandTest {
 protected:
  GcpCommandsTest() {
    server_.Control("/_reset", json::object());
    server_.Control("/_ctl",
                    {{"auth", {{"tokens", {{"ya29.test", "tester"}}}}}});
    setenv("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.test", 1);
    setenv("GCE_METADATA_HOST", server_.url().c_str(), 1);
    for (const auto& [name, path] :
         {std::pair<const char*, const char*>{"COMPUTE", "/compute/v1/"},
          {"STORAGE", "/storage/v1/"},
          {"IAM", "/iam/"},
          {"CLOUDRESOURCEMANAGER", "/crm/"},
          {"IAMCREDENTIALS", "/iamcredentials/"},
          {"SERVICEUSAGE", "/serviceusage/"}}) {
      setenv(fmt::format("CLOUDSDK_API_ENDPOINT_OVERRIDES_{}", name).c_str(),
             (server_.url() + path).c_str(), 1);
    }
  }

  void WriteConfig(int workers) {
    Config config = DefaultCloudConfig("gcp", "gcp-sev-snp");
    config.name = "demo";
    config.image = "projects/images/global/images/node-1";
    config.kubernetes_version = "v1.31.13";
    config.allowed_sources = {"203.0.113.7/32"};
    config.node_groups.at("worker_default").initial_count = workers;
    auto& gcp = std::get<cloud::GcpSettings>(config.cloud);
    gcp.project = "demo-project";
    gcp.region = "europe-west3";
    gcp.zone = "europe-west3-b";
    gcp.service_account_key_path = "key.json";
    gcp.iam_service_account_vm = "vm@demo-project.iam.gserviceaccount.com";
    Write("constellation-conf.yaml", RenderConfig(config));
  }
  json Plan() {
    EXPECT_EQ(Run({"plan", "-o", "json"}), ExitCode::kSuccess) << err_;
    return json::parse(out_, nullptr, /*allow_exceptions=*/false);
  }

  GcpServer& server_ = GcpServer::Get();
};

TEST_F(GcpCommandsTest, CreateScaleAndLookAtCluster) {
  WriteConfig(1);
  const json before = Plan();
  EXPECT_GT(before["summary"]["create"], 20);
  EXPECT_EQ(before["summary"]["unchanged"], 0);
  EXPECT_FALSE(FileExists(workspace_.Join("constellation-state.yaml")));

  ASSERT_EQ(Run({"create", "-y"}), ExitCode::kSuccess) << err_;
  EXPECT_THAT(err_, AllOf(HasSubstr("to create"), HasSubstr("ready   net")));
  const auto state =
      ParseState(*ReadFile(workspace_.Join("constellation-state.yaml")), "s");
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->infrastructure.cloud.provider, "gcp");
  EXPECT_EQ(state->infrastructure.cloud.details.at("projectID"),
            "demo-project");
  EXPECT_NE(state->infrastructure.cluster_endpoint, "");

  const json unchanged = Plan();
  EXPECT_EQ(unchanged["summary"]["create"], 0);
  EXPECT_EQ(unchanged["summary"]["change"], 0);

  WriteConfig(3);
  EXPECT_EQ(Plan()["summary"]["change"], 1);
  ASSERT_EQ(Run({"create", "-y"}), ExitCode::kSuccess) << err_;
  ASSERT_EQ(Run({"status", "-o", "json"}), ExitCode::kSuccess) << err_;
  const json status = json::parse(out_);
  EXPECT_EQ(status["nodes"].size(), 6U);
  EXPECT_EQ(status["uid"], state->infrastructure.uid);
  const std::string node = status["nodes"][0]["name"];
  ASSERT_EQ(Run({"status", "--console", node}), ExitCode::kSuccess) << err_;
  EXPECT_THAT(out_, HasSubstr(node));
}

TEST_F(GcpCommandsTest, WrongTokenIsExplained) {
  WriteConfig(1);
  setenv("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.other", 1);
  EXPECT_EQ(Run({"plan"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("Error: "));
  EXPECT_FALSE(FileExists(workspace_.Join("constellation-state.yaml")));
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
