// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cloud/engine/testing/engine_world.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::testing {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class ExecutorTest : public ::testing::Test {
 protected:
  ExecutorTest() { EXPECT_THAT(world_.Start(), IsOk()); }
  EngineResult ApplyPlan(const Plan& plan) {
    return Apply(world_.Parts(), plan);
  }
  std::vector<std::string> Here() {
    return world_.cloud.Inventory(world_.cluster.uid);
  }

  EngineWorld world_;
};

TEST_F(ExecutorTest, EmptyPlanDoesNothing) {
  const int calls = world_.cloud.calls();
  const EngineResult result = ApplyPlan({});
  EXPECT_THAT(result.status, IsOk());
  EXPECT_THAT(result.failures, IsEmpty());
  EXPECT_EQ(world_.cloud.calls(), calls);
}

// A plan may come from a file: it is checked before anything happens.
TEST_F(ExecutorTest, PlanMustSayWhatIsThere) {
  for (const PlanAction action :
       {PlanAction::kUpdate, PlanAction::kUnchanged}) {
    Plan plan;
    plan.actions = {
        {.action = PlanAction::kCreate,
         .resource = {.kind = "network", .name = "n"}},
        {.action = action, .resource = {.kind = "network", .name = "m"}}};
    EXPECT_THAT(ApplyPlan(plan).status,
                StatusIs(absl::StatusCode::kInvalidArgument,
                         "plan: m lacks what is there"));
  }
  EXPECT_THAT(Here(), IsEmpty());
}

TEST_F(ExecutorTest, PlanMustBeComplete) {
  Plan plan;
  plan.actions = {
      {.action = PlanAction::kCreate,
       .resource = {.kind = "subnet", .name = "s", .depends_on = {"net"}}}};
  EXPECT_THAT(ApplyPlan(plan).status,
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("depends on \"net\"")));
  EXPECT_THAT(Here(), IsEmpty());
}

TEST_F(ExecutorTest, DestroysOnlyWhenAllowed) {
  ASSERT_THAT(world_.RunApply(SmallCluster()).status, IsOk());
  const EngineResult refused = world_.RunApply({});
  EXPECT_THAT(refused.status,
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("8 working resources would be deleted or "
                                 "replaced, first \"")));
  EXPECT_THAT(Here(), SizeIs(8));
  world_.options.allow_deletion = true;
  EXPECT_THAT(world_.RunApply({}).status, IsOk());
  EXPECT_THAT(Here(), IsEmpty());
}

TEST_F(ExecutorTest, FirstFailureHasItsNameInFront) {
  world_.cloud.FailCreate("address", {.kind = CloudErrorKind::kQuota,
                                      .code = "Limit",
                                      .message = "no more",
                                      .request_id = "r1"});
  const EngineResult result = world_.RunApply(SmallCluster());
  EXPECT_THAT(result.status, StatusIs(absl::StatusCode::kResourceExhausted,
                                      "address: no more (Limit)"));
  ASSERT_THAT(result.failures, SizeIs(1));
  EXPECT_EQ(result.failures[0].kind, "address");
  EXPECT_THAT(FailuresToText(result),
              HasSubstr("address (address): no more (Limit), request r1\n  "));
  // What was not started is no failure, and does not hide the cause.
  EXPECT_THAT(Here(), Not(Contains("balancer/balancer")));
}

TEST_F(ExecutorTest, TextLeavesOutWhatTheCloudDidNotSay) {
  EngineResult result;
  result.failures = {
      {.kind = "k", .name = "n", .error = {.message = "broken"}}};
  EXPECT_EQ(FailuresToText(result).find("n (k): broken\n  "), 0U);
  EXPECT_EQ(FailuresToText({}), "");
}

TEST_F(ExecutorTest, OutputsAreWhatIsReady) {
  const EngineResult result =
      world_.RunApply({{.kind = "network", .name = "n"},
                       {.kind = "subnet", .name = "s", .depends_on = {"n"}}});
  ASSERT_THAT(result.outputs, SizeIs(2));
  EXPECT_EQ(result.outputs.at("s").state, ResourceState::kReady);
  EXPECT_NE(result.outputs.at("s").id, "");
}

TEST_F(ExecutorTest, ReplacementDeletesFirst) {
  ASSERT_THAT(
      world_
          .RunApply(
              {{.kind = "firewall", .name = "f", .desired = {{"fixed-a", 1}}}})
          .status,
      IsOk());
  world_.log.clear();
  world_.options.allow_deletion = true;
  ASSERT_THAT(
      world_
          .RunApply(
              {{.kind = "firewall", .name = "f", .desired = {{"fixed-a", 2}}}})
          .status,
      IsOk());
  std::vector<std::string> steps;
  for (const Progress& line : world_.log) {
    steps.emplace_back(ProgressStepName(line.step));
  }
  EXPECT_THAT(steps,
              ElementsAre("deleting", "gone", "creating", "waiting", "ready"));
  EXPECT_THAT(Here(), ElementsAre("firewall/f"));
}

TEST_F(ExecutorTest, TerminateOfNothingIsFine) {
  EXPECT_THAT(Terminate(world_.Parts()).status, IsOk());
  EXPECT_FALSE(world_.storage.exists());
}

TEST_F(ExecutorTest, TerminateFindsWhatTheJournalDoesNotKnow) {
  world_.cloud.Plant("network", world_.cluster.uid, "forgotten", {});
  world_.cloud.Plant("balancer", world_.cluster.uid, "", {});
  EXPECT_THAT(Terminate(world_.Parts()).status, IsOk());
  EXPECT_THAT(Here(), IsEmpty());
}

TEST_F(ExecutorTest, TerminateGoesOnAfterFailures) {
  ASSERT_THAT(world_.RunApply(SmallCluster()).status, IsOk());
  std::string net;
  for (const JournalEntry& entry : world_.journal->Entries()) {
    if (entry.name == "net") {
      net = entry.id;
    }
  }
  world_.cloud.Plant("group", "ffffffff", "foreign", {net});
  const EngineResult result = world_.RunTerminate();
  EXPECT_THAT(result.status, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Here(), ElementsAre("network/net"));
  EXPECT_TRUE(world_.storage.exists());
}

TEST_F(ExecutorTest, StoppedTerminateKeepsTheJournal) {
  ASSERT_THAT(world_.RunApply(SmallCluster()).status, IsOk());
  std::stop_source stop;
  stop.request_stop();
  world_.stop = stop.get_token();
  EXPECT_THAT(world_.RunTerminate().status,
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_TRUE(world_.storage.exists());
  world_.stop = {};
  EXPECT_THAT(world_.RunTerminate().status, IsOk());
  EXPECT_THAT(Here(), IsEmpty());
}

}  // namespace
}  // namespace constellation::cloud::testing
