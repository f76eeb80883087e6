// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/cloud_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cli/testing/cloud_workspace.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class CloudStatusTest : public testing::CloudWorkspace {
 protected:
  absl::StatusOr<CloudStatus> Ask(
      absl::StatusOr<std::vector<KubernetesNode>> nodes) {
    return AskCloudStatus(LoadedConfig(), LoadedState(), cloud_.Tools(),
                          std::move(nodes));
  }
};

TEST_F(CloudStatusTest, ShowsMachinesAndNodes) {
  ASSERT_THAT(Create(), IsOk());
  ASSERT_OK_AND_ASSIGN(
      const CloudStatus status,
      Ask(std::vector<KubernetesNode>{
          {"demo-control-plane-0", true, "v1.20.2", ""},
          {"demo-control-plane-1", false, "v1.20.2", "evil \x1b[2J"}}));
  const std::string text = RenderCloudStatus(LoadedState(), status);
  EXPECT_THAT(text, HasSubstr("demo-control-plane-0"));
  EXPECT_THAT(text, HasSubstr("Ready"));
  EXPECT_THAT(text, HasSubstr("not ready: evil ?[2J"));
  EXPECT_THAT(text, HasSubstr("not registered"));
  EXPECT_THAT(text, HasSubstr("on aws, account 1, here"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  // Control planes first.
  EXPECT_LT(text.find("demo-control-plane-2"), text.find("demo-worker-0"));
  const nlohmann::json json = CloudStatusToJson(LoadedState(), status);
  EXPECT_EQ(json["nodes"].size(), 4U);
  EXPECT_EQ(json["nodes"][0]["kubernetes"], "Ready");
  EXPECT_EQ(json["nodes"][0]["id"], "i-demo-control-plane-0");
  EXPECT_EQ(json["uid"], LoadedState().infrastructure.uid);
}

TEST_F(CloudStatusTest, ApiServerThatDoesNotAnswerIsNoError) {
  ASSERT_THAT(Create(), IsOk());
  ASSERT_OK_AND_ASSIGN(const CloudStatus status, Ask(Unavailable("down")));
  EXPECT_THAT(RenderCloudStatus(LoadedState(), status), HasSubstr("unknown"));
}

TEST_F(CloudStatusTest, ConsoleByNameOrId) {
  ASSERT_THAT(Create(), IsOk());
  for (const char* node : {"demo-worker-0", "i-demo-worker-0"}) {
    EXPECT_THAT(
        CloudConsole(LoadedConfig(), LoadedState(), cloud_.Tools(), node),
        IsOkAndHolds(std::string("booting\n")));
  }
  EXPECT_THAT(cloud_.calls, Contains("console i-demo-worker-0"));
  EXPECT_THAT(
      CloudConsole(LoadedConfig(), LoadedState(), cloud_.Tools(), "other"),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("demo-worker-0")));
}

TEST_F(CloudStatusTest, VerifyExpectsEveryMachine) {
  ASSERT_THAT(Create(), IsOk());
  State state = LoadedState();
  ASSERT_THAT(AddCloudNodes(LoadedConfig(), cloud_.Tools(), state), IsOk());
  ASSERT_EQ(state.infrastructure.qemu.nodes.size(), 4U);
  EXPECT_EQ(state.infrastructure.qemu.nodes[3].name, "demo-worker-0");
  EXPECT_EQ(state.infrastructure.qemu.nodes[3].role, "worker");
}

TEST_F(CloudStatusTest, RefusesConfigOfAnotherProvider) {
  ASSERT_THAT(Create(), IsOk());
  Config config = LoadedConfig();
  config.provider = "gcp";
  EXPECT_THAT(
      AskCloudStatus(config, LoadedState(), cloud_.Tools(), NotFound("")),
      StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace constellation::cli
