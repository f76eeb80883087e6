// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;

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

}  // namespace
}  // namespace constellation::cli
