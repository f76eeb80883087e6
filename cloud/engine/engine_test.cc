// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/engine/testing/engine_world.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::testing {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class EngineTest : public ::testing::Test {
 protected:
  std::vector<std::string> Here() {
    return world_.cloud.Inventory(world_.cluster.uid);
  }
  void Build() {
    ASSERT_THAT(world_.RunApply(SmallCluster()).status, IsOk());
    ASSERT_EQ(Here(), Inventory(SmallCluster()));
  }
  const PlannedAction& Planned(std::string_view name) const {
    for (const PlannedAction& planned : world_.plan.actions) {
      if (planned.resource.name == name) {
        return planned;
      }
    }
    ADD_FAILURE() << "nothing planned for " << name;
    return world_.plan.actions.front();
  }

  EngineWorld world_;
};

TEST_F(EngineTest, MakesEverythingInOrder) {
  const EngineResult result = world_.RunApply(SmallCluster());
  ASSERT_THAT(result.status, IsOk());
  EXPECT_EQ(Here(), Inventory(SmallCluster()));
  EXPECT_THAT(result.outputs, SizeIs(8));
  EXPECT_EQ(world_.plan.Count(PlanAction::kCreate), 8U);
  EXPECT_EQ(world_.cloud.creations(), 8);
}

TEST_F(EngineTest, SecondRunFindsNothingToDo) {
  Build();
  const int calls = world_.cloud.calls();
  const EngineResult again = world_.RunApply(SmallCluster());
  ASSERT_THAT(again.status, IsOk());
  EXPECT_TRUE(world_.plan.Empty());
  EXPECT_THAT(again.outputs, SizeIs(8));
  // One question a resource, one a kind; applying asks nothing.
  EXPECT_EQ(world_.cloud.calls() - calls, 8 + 6);
}

TEST_F(EngineTest, ChangesInPlace) {
  Build();
  auto desired = SmallCluster();
  desired.back().desired["size"] = 5;
  ASSERT_THAT(world_.RunApply(desired).status, IsOk());
  EXPECT_EQ(Planned("worker").action, PlanAction::kUpdate);
  EXPECT_THAT(Planned("worker").changes,
              ElementsAre(Field(&AttributeChange::attribute, "size")));
  ASSERT_THAT(world_.RunApply(desired).status, IsOk());
  EXPECT_TRUE(world_.plan.Empty());
  EXPECT_EQ(world_.cloud.creations(), 8);
}

TEST_F(EngineTest, ReplacesOnlyWhenAllowed) {
  Build();
  auto desired = SmallCluster();
  desired.back().desired["fixed-image"] = "2";
  EXPECT_THAT(
      world_.RunApply(desired).status,
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("\"worker\"")));
  EXPECT_EQ(world_.cloud.creations(), 8);
  world_.options.allow_deletion = true;
  ASSERT_THAT(world_.RunApply(desired).status, IsOk());
  EXPECT_EQ(Planned("worker").action, PlanAction::kReplace);
  EXPECT_EQ(Here(), Inventory(SmallCluster()));
  EXPECT_EQ(world_.cloud.creations(), 9);
}

TEST_F(EngineTest, ReplacesWhatStandsOnAReplacedThing) {
  Build();
  world_.options.allow_deletion = true;
  auto desired = SmallCluster();
  desired[2].desired["fixed-range"] = "10.0.0.0/24";  // subnet-b
  ASSERT_THAT(world_.RunApply(desired).status, IsOk());
  EXPECT_EQ(Planned("subnet-b").action, PlanAction::kReplace);
  EXPECT_EQ(Planned("balancer").action, PlanAction::kReplace);
  EXPECT_EQ(Planned("control-plane").action, PlanAction::kReplace);
  EXPECT_EQ(Planned("worker").action, PlanAction::kReplace);
  EXPECT_EQ(Planned("firewall").action, PlanAction::kUnchanged);
  EXPECT_EQ(Here(), Inventory(SmallCluster()));
}

TEST_F(EngineTest, DeletesWhatIsNoLongerWanted) {
  Build();
  world_.options.allow_deletion = true;
  auto desired = SmallCluster();
  desired.pop_back();
  ASSERT_THAT(world_.RunApply(desired).status, IsOk());
  EXPECT_EQ(Planned("worker").action, PlanAction::kDelete);
  EXPECT_EQ(Here(), Inventory(desired));
}

TEST_F(EngineTest, DeletesNamedStraysButNotThoseOfKubernetes) {
  Build();
  world_.options.allow_deletion = true;
  world_.cloud.Plant("group", world_.cluster.uid, "old-group", {});
  world_.cloud.Plant("balancer", world_.cluster.uid, "", {});
  world_.cloud.Plant("group", "ffffffff", "worker", {});
  ASSERT_THAT(world_.RunApply(SmallCluster()).status, IsOk());
  EXPECT_EQ(Planned("old-group").action, PlanAction::kDelete);
  EXPECT_THAT(Here(), SizeIs(9));
  EXPECT_THAT(Here(), Contains("balancer/"));
  EXPECT_THAT(world_.cloud.Inventory("ffffffff"), SizeIs(1));
}

TEST_F(EngineTest, AdoptsWhatALostJournalHadMade) {
  Build();
  ASSERT_THAT(world_.storage.Remove(), IsOk());
  ASSERT_THAT(world_.RunApply(SmallCluster()).status, IsOk());
  EXPECT_TRUE(world_.plan.Empty());
  EXPECT_EQ(world_.cloud.creations(), 8);
  EXPECT_THAT(world_.journal->Entries(), SizeIs(8));
}

TEST_F(EngineTest, TerminatesWithoutAJournal) {
  Build();
  ASSERT_THAT(world_.storage.Remove(), IsOk());
  ASSERT_THAT(world_.RunTerminate().status, IsOk());
  EXPECT_THAT(Here(), IsEmpty());
}

TEST_F(EngineTest, MakesAgainWhatSomebodyDeleted) {
  const EngineResult built = world_.RunApply(SmallCluster());
  ASSERT_THAT(built.status, IsOk());
  world_.cloud.Lose(built.outputs.at("worker").id);
  world_.clock.Advance(absl::Hours(1));
  ASSERT_THAT(world_.RunApply(SmallCluster()).status, IsOk());
  EXPECT_EQ(Planned("worker").action, PlanAction::kCreate);
  EXPECT_EQ(Here(), Inventory(SmallCluster()));
}

TEST_F(EngineTest, DeletesDoubles) {
  Build();
  world_.cloud.Plant("subnet", world_.cluster.uid, "subnet-a", {});
  ASSERT_THAT(world_.RunApply(SmallCluster()).status, IsOk());
  EXPECT_THAT(Planned("subnet-a").surplus, SizeIs(1));
  EXPECT_EQ(Here(), Inventory(SmallCluster()));
}

TEST_F(EngineTest, QuotaStopsTheRunAndLeavesItResumable) {
  world_.cloud.FailCreate("balancer", {.kind = CloudErrorKind::kQuota,
                                       .code = "TooManyLoadBalancers",
                                       .message = "limit is 20",
                                       .subject = "balancers per region",
                                       .request_id = "r-1"});
  const EngineResult result = world_.RunApply(SmallCluster());
  EXPECT_THAT(result.status, StatusIs(absl::StatusCode::kResourceExhausted,
                                      HasSubstr("balancer: limit is 20")));
  ASSERT_THAT(result.failures, SizeIs(1));
  EXPECT_EQ(result.failures[0].name, "balancer");
  EXPECT_EQ(result.failures[0].error.kind, CloudErrorKind::kQuota);
  EXPECT_THAT(FailuresToText(result),
              AllOf(HasSubstr("TooManyLoadBalancers"), HasSubstr("r-1"),
                    HasSubstr("balancers per region"),
                    HasSubstr("ask the cloud for a higher one")));
  EXPECT_THAT(Here(), Not(Contains("group/control-plane")));
  // Nothing was made for certain, so the next run waits for nothing.
  EXPECT_FALSE(world_.journal->Find("balancer").has_value());
  ASSERT_THAT(world_.RunApply(SmallCluster()).status, IsOk());
  EXPECT_EQ(Here(), Inventory(SmallCluster()));
}

TEST_F(EngineTest, EveryFinalErrorEndsTheRunAtOnce) {
  for (const CloudErrorKind kind :
       {CloudErrorKind::kCapacity, CloudErrorKind::kPermission,
        CloudErrorKind::kBadCredentials, CloudErrorKind::kExpiredToken,
        CloudErrorKind::kUnsupportedRegion, CloudErrorKind::kUnsupportedType,
        CloudErrorKind::kWrongProject, CloudErrorKind::kInvalid}) {
    EngineWorld world;
    world.cloud.FailCreate("worker", {.kind = kind, .message = "no"});
    const EngineResult result = world.RunApply(SmallCluster());
    ASSERT_THAT(result.failures, SizeIs(1)) << CloudErrorKindName(kind);
    EXPECT_EQ(result.failures[0].error.kind, kind);
    EXPECT_THAT(world.RunTerminate().status, IsOk());
    EXPECT_THAT(world.cloud.Inventory(world.cluster.uid), IsEmpty());
  }
}

TEST_F(EngineTest, PassingErrorsAreBorne) {
  for (const CloudErrorKind kind :
       {CloudErrorKind::kThrottled, CloudErrorKind::kUnavailable,
        CloudErrorKind::kConflict, CloudErrorKind::kDependency,
        CloudErrorKind::kNotFound, CloudErrorKind::kUnclear}) {
    EngineWorld world;
    world.cloud.FailCreate("subnet-a", {.kind = kind, .message = "later"});
    world.cloud.FailCreate("subnet-a", {.kind = kind, .message = "later"});
    EXPECT_THAT(world.RunApply(SmallCluster()).status, IsOk())
        << CloudErrorKindName(kind);
    EXPECT_EQ(world.cloud.creations(), 8);
  }
}

TEST_F(EngineTest, ForeignNameIsReportedWithoutWaiting) {
  world_.cloud.Plant("firewall", "ffffffff", "firewall", {});
  const absl::Time start = world_.clock.Now();
  const EngineResult result = world_.RunApply(SmallCluster());
  ASSERT_THAT(result.failures, SizeIs(1));
  EXPECT_EQ(result.failures[0].error.kind, CloudErrorKind::kNameTaken);
  EXPECT_LT(world_.clock.Now() - start, absl::Minutes(1));
  EXPECT_THAT(world_.RunTerminate().status, IsOk());
  EXPECT_THAT(world_.cloud.Inventory("ffffffff"), SizeIs(1));
}

TEST_F(EngineTest, LateFailureIsReplacedOnce) {
  world_.cloud.SetFaults({.late_failures = 1});
  ASSERT_THAT(world_.RunApply(SmallCluster()).status, IsOk());
  EXPECT_EQ(Here(), Inventory(SmallCluster()));
  EXPECT_EQ(world_.cloud.creations(), 16);
}

TEST_F(EngineTest, LateFailureThatStaysIsReportedAndReplacedByTheNextRun) {
  world_.cloud.SetFaults({.late_failures = 2});
  const EngineResult result = world_.RunApply({{.kind = "group", .name = "g"}});
  ASSERT_THAT(result.failures, SizeIs(1));
  EXPECT_EQ(result.failures[0].error.kind, CloudErrorKind::kLateFailure);
  EXPECT_THAT(Here(), ElementsAre("group/g!"));
  ASSERT_THAT(world_.RunApply({{.kind = "group", .name = "g"}}).status, IsOk());
  EXPECT_EQ(Planned("g").action, PlanAction::kReplace);
  EXPECT_THAT(Here(), ElementsAre("group/g"));
}

TEST_F(EngineTest, TerminateRemovesWhatKubernetesLeftBehind) {
  const EngineResult built = world_.RunApply(SmallCluster());
  ASSERT_THAT(built.status, IsOk());
  world_.cloud.Plant("balancer", world_.cluster.uid, "",
                     {built.outputs.at("subnet-a").id});
  world_.cloud.Plant("firewall", world_.cluster.uid, "",
                     {built.outputs.at("net").id});
  ASSERT_THAT(world_.RunTerminate().status, IsOk());
  EXPECT_THAT(Here(), IsEmpty());
  EXPECT_FALSE(world_.storage.exists());
  EXPECT_THAT(world_.RunTerminate().status, IsOk());  // again is harmless
}

TEST_F(EngineTest, TerminateNamesWhatSomebodyElseStillUses) {
  const EngineResult built = world_.RunApply(SmallCluster());
  ASSERT_THAT(built.status, IsOk());
  const std::string foreign = world_.cloud.Plant(
      "group", "ffffffff", "vm", {built.outputs.at("subnet-b").id});
  const EngineResult result = world_.RunTerminate();
  EXPECT_THAT(result.status, StatusIs(absl::StatusCode::kFailedPrecondition,
                                      HasSubstr("used by " + foreign)));
  EXPECT_THAT(Here(), ElementsAre("network/net", "subnet/subnet-b"));
  EXPECT_TRUE(world_.storage.exists());
  world_.cloud.Lose(foreign);
  ASSERT_THAT(world_.RunTerminate().status, IsOk());
  EXPECT_THAT(Here(), IsEmpty());
}

TEST_F(EngineTest, TerminateLeavesOtherClustersAlone) {
  Build();
  world_.cloud.Plant("group", "ffffffff", "worker", {});
  ASSERT_THAT(world_.RunTerminate().status, IsOk());
  EXPECT_THAT(world_.cloud.Inventory("ffffffff"), ElementsAre("group/worker"));
}

TEST_F(EngineTest, StopEndsTheRunAndTheNextOneGoesOn) {
  std::stop_source source;
  world_.stop = source.get_token();
  ASSERT_THAT(world_.Start(), IsOk());
  EngineParts parts = world_.Parts();
  parts.progress = [&](const Progress& line) {
    if (line.name == "balancer" && line.step == ProgressStep::kWaiting) {
      source.request_stop();
    }
  };
  const auto plan = ComputePlan(parts, SmallCluster());
  ASSERT_THAT(plan, IsOk());
  const EngineResult result = Apply(parts, *plan);
  EXPECT_THAT(result.status, StatusIs(absl::StatusCode::kCancelled));
  world_.stop = {};
  ASSERT_THAT(world_.RunApply(SmallCluster()).status, IsOk());
  EXPECT_EQ(Here(), Inventory(SmallCluster()));
  EXPECT_EQ(world_.cloud.creations(), 8);
}

TEST_F(EngineTest, SlowThingsTimeOutAndGoOnLater) {
  world_.cloud.AddKind({.kind = "slow",
                        .traits = {.ready_timeout = absl::Seconds(30)},
                        .ready_after = absl::Seconds(50)});
  const std::vector<Resource> desired = {{.kind = "slow", .name = "s"}};
  const EngineResult result = world_.RunApply(desired);
  ASSERT_THAT(result.failures, SizeIs(1));
  EXPECT_EQ(result.failures[0].error.kind, CloudErrorKind::kTimedOut);
  ASSERT_THAT(world_.RunApply(desired).status, IsOk());
  EXPECT_EQ(world_.cloud.creations(), 1);
}

TEST_F(EngineTest, NothingIsMadeWhenTheJournalCannotBeWritten) {
  ASSERT_THAT(world_.Start(), IsOk());
  const EngineParts parts = world_.Parts();
  const auto plan = ComputePlan(parts, SmallCluster());
  ASSERT_THAT(plan, IsOk());
  class FullDisk final : public JournalStorage {
   public:
    absl::StatusOr<std::string> Read() override { return NotFound("none"); }
    absl::Status Replace(std::string_view) override { return absl::OkStatus(); }
    absl::Status Append(std::string_view) override {
      return absl::ResourceExhaustedError("no space left on device");
    }
    absl::Status Remove() override { return absl::OkStatus(); }
  } disk;
  const auto journal = Journal::Open(disk, world_.clock, world_.cluster);
  ASSERT_THAT(journal, IsOk());
  const EngineParts broken{.cluster = world_.cluster,
                           .drivers = world_.cloud.drivers(),
                           .journal = **journal,
                           .clock = world_.clock,
                           .options = world_.options};
  EXPECT_THAT(Apply(broken, *plan).status,
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("no space left")));
  EXPECT_EQ(world_.cloud.creations(), 0);
}

TEST_F(EngineTest, UnknownKindAndCircleAreRefused) {
  EXPECT_THAT(world_.RunApply({{.kind = "moon", .name = "m"}}).status,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("moon")));
  EXPECT_THAT(
      world_
          .RunApply({{.kind = "group", .name = "a", .depends_on = {"b"}},
                     {.kind = "group", .name = "b", .depends_on = {"a"}}})
          .status,
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("itself")));
  EXPECT_THAT(
      world_.RunApply({{.kind = "group", .name = "a", .depends_on = {"x"}}})
          .status,
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"x\"")));
  EXPECT_THAT(world_
                  .RunApply({{.kind = "group", .name = "a"},
                             {.kind = "subnet", .name = "a"}})
                  .status,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("two")));
  EXPECT_THAT(world_.RunApply({{.kind = "group", .name = "A b"}}).status,
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(EngineTest, PlanAsTextAndJson) {
  Build();
  auto desired = SmallCluster();
  desired.back().desired["size"] = 7;
  desired.push_back({.kind = "address", .name = "second"});
  ASSERT_THAT(world_.Start(), IsOk());
  const auto plan = ComputePlan(world_.Parts(), desired);
  ASSERT_THAT(plan, IsOk());
  const std::string text = PlanToText(*plan);
  EXPECT_THAT(text, HasSubstr("create    second (address)"));
  EXPECT_THAT(text, HasSubstr("size: 2 -> 7"));
  EXPECT_THAT(text, HasSubstr("1 to create, 1 to change, 0 to replace, 0 to "
                              "delete, 7 unchanged.\n"));
  const nlohmann::json json = PlanToJson(*plan);
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(json["cluster"]["uid"], world_.cluster.uid);
  EXPECT_EQ(json["summary"]["change"], 1);
  EXPECT_EQ(json["actions"].size(), 9U);
  // Planning changes nothing.
  EXPECT_EQ(Here(), Inventory(SmallCluster()));
}

TEST_F(EngineTest, ProgressTellsTheWholeLife) {
  Build();
  std::vector<ProgressStep> steps;
  for (const Progress& line : world_.log) {
    if (line.name == "net") {
      steps.push_back(line.step);
    }
  }
  EXPECT_THAT(steps, ElementsAre(ProgressStep::kCreating,
                                 ProgressStep::kWaiting, ProgressStep::kReady));
}

TEST_F(EngineTest, HundredNodesInParallel) {
  std::vector<Resource> desired = SmallCluster();
  for (int i = 0; i < 100; ++i) {
    desired.push_back({.kind = "group",
                       .name = fmt::format("node-{}", i),
                       .depends_on = {"subnet-a", "firewall"}});
  }
  world_.options.parallelism = 16;
  ASSERT_THAT(world_.RunApply(desired).status, IsOk());
  EXPECT_THAT(Here(), SizeIs(108));
  EXPECT_EQ(world_.cloud.creations(), 108);
  ASSERT_THAT(world_.RunTerminate().status, IsOk());
  EXPECT_THAT(Here(), IsEmpty());
}

}  // namespace
}  // namespace constellation::cloud::testing
