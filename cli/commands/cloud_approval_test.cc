// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/cloud_approval.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>

#include "cloud/engine/plan.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kFailed = absl::StatusCode::kFailedPrecondition;

class CloudApprovalTest : public ::testing::Test {
 protected:
  // What becomes of `plan` if the user types `typed`.
  absl::Status Approve(const cloud::Plan& plan, const std::string& typed = "") {
    std::istringstream input(typed);
    std::streambuf* const before = std::cin.rdbuf(input.rdbuf());
    std::cin.clear();
    char* text = nullptr;
    size_t size = 0;
    CommandContext context;
    context.err = open_memstream(&text, &size);
    const auto progress = CreateSilentProgress();
    ApproveWith(arguments_, context, *progress, tools_);
    const absl::Status status = tools_.approve(plan);
    std::fclose(context.err);
    shown_.assign(text, size);
    std::free(text);
    std::cin.rdbuf(before);
    std::cin.clear();
    return status;
  }
  static cloud::Plan With(cloud::PlanAction action, const std::string& name) {
    cloud::Plan plan;
    cloud::PlannedAction planned;
    planned.action = action;
    planned.resource.kind = "network";
    planned.resource.name = name;
    planned.observed.emplace().state = cloud::ResourceState::kReady;
    plan.actions.push_back(std::move(planned));
    return plan;
  }

  Arguments arguments_;
  CloudTools tools_;
  std::string shown_;
};

TEST_F(CloudApprovalTest, ShowsThePlanAndAsks) {
  const cloud::Plan plan = With(cloud::PlanAction::kCreate, "net");
  EXPECT_THAT(Approve(plan, "y\n"), IsOk());
  EXPECT_THAT(shown_, HasSubstr("net"));
  EXPECT_THAT(shown_, HasSubstr("Do this?"));
  EXPECT_THAT(Approve(plan, "n\n"), StatusIs(kFailed));
  EXPECT_THAT(Approve(plan), StatusIs(kFailed, HasSubstr("no answer")));
}

TEST_F(CloudApprovalTest, YesAsksNobody) {
  arguments_.SetSwitch("--yes");
  EXPECT_THAT(Approve(With(cloud::PlanAction::kCreate, "net")), IsOk());
  EXPECT_THAT(shown_, HasSubstr("net"));
  EXPECT_THAT(shown_, Not(HasSubstr("Do this?")));
}

// The plan speaks of things that a cloud named.
TEST_F(CloudApprovalTest, NamesCannotSteerTheTerminal) {
  arguments_.SetSwitch("--yes");
  EXPECT_THAT(Approve(With(cloud::PlanAction::kCreate, "n\x1b[2Jet")), IsOk());
  EXPECT_THAT(shown_, Not(HasSubstr("\x1b")));
}

TEST_F(CloudApprovalTest, YesAloneNeverDestroysWhatWorks) {
  arguments_.SetSwitch("--yes");
  for (const cloud::PlanAction action :
       {cloud::PlanAction::kDelete, cloud::PlanAction::kReplace}) {
    const cloud::Plan plan = With(action, "net");
    ASSERT_EQ(plan.Destroyed().size(), 1U);
    EXPECT_THAT(Approve(plan), StatusIs(kFailed, HasSubstr("net. Nothing")));
    EXPECT_FALSE(tools_.engine.allow_deletion);
  }
  arguments_.SetSwitch("--allow-deletion");
  EXPECT_THAT(Approve(With(cloud::PlanAction::kDelete, "net")), IsOk());
  EXPECT_TRUE(tools_.engine.allow_deletion);
}

}  // namespace
}  // namespace constellation::cli
