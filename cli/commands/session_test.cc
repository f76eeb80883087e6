// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "attestation/policy/appraisal.h"
#include "attestation/policy/testing/composed_node.h"
#include "cli/command_line.h"
#include "cli/commands/table.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::ComposedNode;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() { context_.workspace = folder_.path(); }

  constellation::testing::TempDir folder_;
  CommandContext context_;
};

TEST_F(SessionTest, NeedsAFolder) {
  context_.workspace = folder_.Join("absent");
  EXPECT_THAT(Session::Open(context_, false),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(SessionTest, WorksOnTheWorkspace) {
  ASSERT_OK_AND_ASSIGN(const auto session, Session::Open(context_, true));
  EXPECT_EQ(session->workspace().state_path(),
            folder_.Join("constellation-state.yaml"));
  EXPECT_FALSE(session->platform().Exists());
  EXPECT_EQ(&session->tools().platform, &session->platform());
  EXPECT_EQ(&session->tools().node_api, &session->node_api());
}

// Two commands that change a cluster must not run at once; one that only looks
// may.
TEST_F(SessionTest, LocksTheWorkspaceForOne) {
  {
    ASSERT_OK_AND_ASSIGN(const auto first, Session::Open(context_, true));
    EXPECT_THAT(Session::Open(context_, true).status(), ::testing::Not(IsOk()));
    EXPECT_THAT(Session::Open(context_, false).status(), IsOk());
  }
  EXPECT_THAT(Session::Open(context_, true).status(), IsOk());
}

// A node that brings no certificates: nobody is asked for them.
TEST_F(SessionTest, AsksNoVendorIfToldSo) {
  context_.offline = true;
  ASSERT_OK_AND_ASSIGN(const auto session, Session::Open(context_, true));
  const ComposedNode node("openstack-sev-snp");
  attestation::Evidence evidence = node.Evidence();
  evidence.endorsements.clear();
  attestation::Profile profile = node.Profile();
  profile.snp->measurement_covers_image = true;
  EXPECT_THAT(session->cloud().appraise(
                  evidence, node.user_data, attestation::ClusterState::None(),
                  *attestation::Policy::Create({profile}, {})),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("run once without --offline")));
}

// The real command line is what fills the context.
TEST_F(SessionTest, EveryCommandThatMeetsNodesHasTheFlag) {
  for (const char* name : {"apply", "init", "recover", "verify"}) {
    bool offline = false;
    std::vector<Command> commands = AllCommands();
    for (Command& command : commands) {
      command.run = [&offline](const Arguments& /*arguments*/,
                               CommandContext& context) {
        offline = context.offline;
        return absl::OkStatus();
      };
    }
    EXPECT_EQ(
        RunCommandLine(commands, AllGroups(), {name, "--offline"}, context_),
        ExitCode::kSuccess);
    EXPECT_TRUE(offline) << name;
    EXPECT_EQ(RunCommandLine(commands, AllGroups(), {name}, context_),
              ExitCode::kSuccess);
    EXPECT_FALSE(offline) << name;
  }
}

}  // namespace
}  // namespace constellation::cli
