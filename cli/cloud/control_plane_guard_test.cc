// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/control_plane_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/testing/cloud_workspace.h"
#include "common/files.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using testing::CloudTestConfig;
using ::testing::HasSubstr;

// A cluster of three control-plane nodes that has been initialized.
class ControlPlaneGuardTest : public testing::CloudWorkspace {
 protected:
  ControlPlaneGuardTest() {
    EXPECT_THAT(Create(), IsOk());
    State state = LoadedState();
    state.cluster_values = {.cluster_id = std::string(64, 'c'),
                            .measurement_salt = std::string(64, 'd')};
    EXPECT_THAT(Open().SaveState(state), IsOk());
  }
  absl::Status Want(int control_planes, const std::string& zone = "") {
    Config config = CloudTestConfig();
    auto& group = config.node_groups.at("control_plane_default");
    group.initial_count = control_planes;
    if (!zone.empty()) {
      group.zone = zone;
    }
    WriteConfig(config);
    return Create();
  }
};

TEST_F(ControlPlaneGuardTest, ShrinkingNeedsConsent) {
  EXPECT_THAT(
      Want(1),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               AllOf(HasSubstr("control-plane-default shrinks from 3 machines "
                               "to 1"),
                     HasSubstr("etcd"), HasSubstr("Nothing was changed"),
                     HasSubstr("--allow-deletion"))));
  EXPECT_EQ(cloud_.plans_shown, 1) << "that of the first run";
  cloud_.engine.allow_deletion = true;
  EXPECT_THAT(Want(1), IsOk());
  EXPECT_EQ(cloud_.plans_shown, 2);
}

TEST_F(ControlPlaneGuardTest, GrowingAndWorkersDoNot) {
  EXPECT_THAT(Want(5), IsOk());
  Config config = CloudTestConfig();
  config.node_groups.at("control_plane_default").initial_count = 5;
  for (const int workers : {3, 1}) {
    config.node_groups.at("worker_default").initial_count = workers;
    WriteConfig(config);
    EXPECT_THAT(Create(), IsOk());
  }
  EXPECT_EQ(cloud_.plans_shown, 4);
}

TEST_F(ControlPlaneGuardTest, AGroupThatIsMadeAnewIsNamed) {
  EXPECT_THAT(Want(3, "eu-west-1b"),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("control-plane-default is made anew")));
}

TEST_F(ControlPlaneGuardTest, ClustersThatAreNoneYetHaveNothingToLose) {
  State state = LoadedState();
  state.cluster_values = {};
  ASSERT_THAT(Open().SaveState(state), IsOk());
  EXPECT_THAT(Want(1), IsOk());
}

TEST_F(ControlPlaneGuardTest, AnInterruptedInitCounts) {
  State state = LoadedState();
  state.cluster_values = {};
  state.infrastructure.cloud.first_node_ak = std::string(64, 'a');
  ASSERT_THAT(Open().SaveState(state), IsOk());
  EXPECT_THAT(Want(1), StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace constellation::cli
