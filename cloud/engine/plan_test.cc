// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "cloud/engine/testing/engine_world.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::testing {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

PlannedAction Action(PlanAction action, const std::string& name,
                     ResourceState state = ResourceState::kReady) {
  return {.action = action,
          .resource = {.kind = "vm", .name = name},
          .observed = Observed{.id = "i-" + name, .state = state}};
}

TEST(PlanValueTest, NamesOfActions) {
  EXPECT_EQ(PlanActionName(PlanAction::kCreate), "create");
  EXPECT_EQ(PlanActionName(PlanAction::kUpdate), "change");
  EXPECT_EQ(PlanActionName(PlanAction::kReplace), "replace");
  EXPECT_EQ(PlanActionName(PlanAction::kDelete), "delete");
  EXPECT_EQ(PlanActionName(PlanAction::kUnchanged), "unchanged");
}

TEST(PlanValueTest, EmptyOnlyIfNothingHappens) {
  Plan plan;
  EXPECT_TRUE(plan.Empty());
  plan.actions = {Action(PlanAction::kUnchanged, "a")};
  EXPECT_TRUE(plan.Empty());
  plan.actions[0].surplus = {Observed{.id = "i-2"}};
  EXPECT_FALSE(plan.Empty());
  plan.actions = {Action(PlanAction::kUpdate, "a")};
  EXPECT_FALSE(plan.Empty());
}

// What never worked, or is not there, is no loss.
TEST(PlanValueTest, DestroyedNamesWorkingThingsOnly) {
  Plan plan;
  plan.actions = {Action(PlanAction::kDelete, "a"),
                  Action(PlanAction::kReplace, "b"),
                  Action(PlanAction::kReplace, "c", ResourceState::kFailed),
                  Action(PlanAction::kDelete, "d", ResourceState::kPending),
                  Action(PlanAction::kUpdate, "e"),
                  {.action = PlanAction::kDelete, .resource = {.name = "f"}}};
  EXPECT_THAT(plan.Destroyed(), ElementsAre("a", "b"));
  EXPECT_EQ(plan.Count(PlanAction::kDelete), 3U);
  EXPECT_EQ(plan.Count(PlanAction::kCreate), 0U);
}

TEST(PlanValueTest, TextHasALineForEveryChange) {
  Plan plan;
  plan.actions = {Action(PlanAction::kUnchanged, "a"),
                  Action(PlanAction::kReplace, "b"),
                  Action(PlanAction::kDelete, "c")};
  plan.actions[0].surplus = {Observed{.id = "i-9"}};
  plan.actions[1].reason = "it cannot be changed in place";
  plan.actions[1].changes = {{.attribute = "image",
                              .from = "old",
                              .to = std::string(100, 'x'),
                              .needs_replacement = true}};
  EXPECT_EQ(PlanToText(plan),
            "delete    a (vm): i-9 is there twice\n"
            "replace   b (vm): it cannot be changed in place\n"
            "            image: \"old\" -> \"" +
                std::string(59, 'x') +
                "... (replaces it)\n"
                "delete    c (vm)\n"
                "0 to create, 0 to change, 1 to replace, 1 to delete, 1 "
                "unchanged.\n");
}

TEST(PlanValueTest, JsonHasEverything) {
  Plan plan{.cluster = {.uid = "u", .name = "n", .cloud = "c", .scope = "s"}};
  plan.actions = {Action(PlanAction::kUpdate, "a"),
                  {.action = PlanAction::kCreate,
                   .resource = {.kind = "net", .name = "b"}}};
  plan.actions[0].changes = {{.attribute = "size", .from = 1, .to = 2}};
  plan.actions[0].surplus = {Observed{.id = "i-9"}};
  const nlohmann::json json = PlanToJson(plan);
  EXPECT_EQ(json.at("cluster"),
            (nlohmann::json{
                {"uid", "u"}, {"name", "n"}, {"cloud", "c"}, {"scope", "s"}}));
  const nlohmann::json& action = json.at("actions").at(0);
  EXPECT_EQ(action.at("action"), "change");
  EXPECT_EQ(action.at("kind"), "vm");
  EXPECT_EQ(action.at("name"), "a");
  EXPECT_EQ(action.at("id"), "i-a");
  EXPECT_EQ(action.at("surplus"), nlohmann::json::array({"i-9"}));
  EXPECT_EQ(
      action.at("changes").at(0),
      (nlohmann::json{
          {"attribute", "size"}, {"from", 1}, {"to", 2}, {"replaces", false}}));
  EXPECT_TRUE(json.at("actions").at(1).at("id").is_null());
  EXPECT_EQ(json.at("summary").at("create"), 1);
  EXPECT_EQ(json.at("summary").at("unchanged"), 0);
}

class ComputePlanTest : public ::testing::Test {
 protected:
  absl::StatusOr<Plan> Compute(const std::vector<Resource>& desired) {
    EXPECT_THAT(world_.Start(), IsOk());
    return ComputePlan(world_.Parts(), desired);
  }
  std::vector<std::string> Lines(const std::vector<Resource>& desired) {
    std::vector<std::string> lines;
    const auto plan = Compute(desired);
    EXPECT_THAT(plan, IsOk());
    for (const PlannedAction& planned : plan->actions) {
      lines.push_back(std::string(PlanActionName(planned.action)) + " " +
                      planned.resource.name);
    }
    return lines;
  }

  EngineWorld world_;
};

TEST_F(ComputePlanTest, NothingIsThere) {
  EXPECT_THAT(Lines({{.kind = "subnet", .name = "s", .depends_on = {"n"}},
                     {.kind = "network", .name = "n"}}),
              ElementsAre("create n", "create s"));
}

TEST_F(ComputePlanTest, ChangesNothing) {
  ASSERT_THAT(Compute(SmallCluster()), IsOk());
  EXPECT_THAT(world_.cloud.Inventory(world_.cluster.uid), IsEmpty());
  EXPECT_THAT(world_.journal->Entries(), IsEmpty());
}

TEST_F(ComputePlanTest, ReplacementCascadesToWhatExists) {
  ASSERT_THAT(world_.RunApply(SmallCluster()).status, IsOk());
  std::vector<Resource> desired = SmallCluster();
  desired[0].desired["fixed-range"] = "10.0.0.0/8";
  std::vector<std::string> lines = Lines(desired);
  EXPECT_THAT(lines, ::testing::Contains("replace net"));
  EXPECT_THAT(lines, ::testing::Contains("replace subnet-a"));
  EXPECT_THAT(lines, ::testing::Contains("replace control-plane"));
  EXPECT_THAT(lines, ::testing::Contains("unchanged address"));
}

TEST_F(ComputePlanTest, StraysOfKubernetesStay) {
  world_.cloud.Plant("balancer", world_.cluster.uid, "", {});
  EXPECT_THAT(Lines({}), IsEmpty());
  world_.cloud.Plant("balancer", world_.cluster.uid, "ours", {});
  EXPECT_THAT(Lines({}), ElementsAre("delete ours"));
}

TEST_F(ComputePlanTest, ThingsOfOtherClustersAreNotSeen) {
  world_.cloud.Plant("network", "ffffffff", "net", {});
  EXPECT_THAT(Lines({}), IsEmpty());
  EXPECT_THAT(Lines({{.kind = "network", .name = "net"}}),
              ElementsAre("create net"));
}

TEST_F(ComputePlanTest, DoublesOfAStrayGoWithIt) {
  world_.cloud.Plant("network", world_.cluster.uid, "x", {});
  world_.cloud.Plant("network", world_.cluster.uid, "x", {});
  const auto plan = Compute({});
  ASSERT_THAT(plan, IsOk());
  ASSERT_EQ(plan->actions.size(), 1U);
  EXPECT_EQ(plan->actions[0].reason,
            "carries this cluster's tag, is not wanted");
  EXPECT_EQ(plan->actions[0].surplus.size(), 1U);
}

// Shows everything twice and heeds no name.
class CarelessDriver final : public ResourceDriver {
 public:
  explicit CarelessDriver(std::vector<Stray> things)
      : things_(std::move(things)) {}
  DriverTraits Traits() const override { return {}; }
  absl::StatusOr<std::vector<Observed>> Find(
      const DriverContext& /*context*/) override {
    std::vector<Observed> found;
    for (const Stray& stray : Twice()) {
      found.push_back(stray.observed);
    }
    return found;
  }
  absl::StatusOr<Observed> Create(const DriverContext& /*context*/,
                                  std::string_view /*token*/) override {
    return absl::UnimplementedError("");
  }
  std::vector<AttributeChange> Differs(const DriverContext& /*context*/,
                                       const Observed& /*seen*/) override {
    return {};
  }
  absl::StatusOr<Observed> Update(const DriverContext& /*context*/,
                                  const Observed& seen) override {
    return seen;
  }
  absl::StatusOr<Observed> Refresh(const DriverContext& /*context*/,
                                   const Observed& seen) override {
    return seen;
  }
  absl::Status Delete(const DriverContext& /*context*/,
                      const Observed& /*seen*/) override {
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& /*cluster*/) override {
    return Twice();
  }

 private:
  std::vector<Stray> Twice() const {
    std::vector<Stray> all = things_;
    all.insert(all.end(), things_.begin(), things_.end());
    return all;
  }
  std::vector<Stray> things_;
};

TEST_F(ComputePlanTest, OneThingShownTwiceIsNoDouble) {
  CarelessDriver driver({{.name = "a", .observed = {.id = "i-1"}}});
  DriverRegistry drivers;
  drivers.Add("gateway", driver);
  ASSERT_THAT(world_.Start(), IsOk());
  EngineParts parts{.cluster = world_.cluster,
                    .drivers = drivers,
                    .journal = *world_.journal,
                    .clock = world_.clock};
  const auto wanted = ComputePlan(parts, {{.kind = "gateway", .name = "a"}});
  ASSERT_THAT(wanted, IsOk());
  EXPECT_TRUE(wanted->Empty()) << PlanToText(*wanted);
  const auto unwanted = ComputePlan(parts, {});
  ASSERT_THAT(unwanted, IsOk());
  ASSERT_EQ(unwanted->actions.size(), 1U);
  EXPECT_EQ(unwanted->actions[0].action, PlanAction::kDelete);
  EXPECT_THAT(unwanted->actions[0].surplus, IsEmpty());
}

TEST_F(ComputePlanTest, AnothersThingIsNoDouble) {
  CarelessDriver driver({{.name = "a", .observed = {.id = "i-1"}},
                         {.name = "b", .observed = {.id = "i-2"}},
                         {.name = "b", .observed = {.id = "i-3"}}});
  DriverRegistry drivers;
  drivers.Add("gateway", driver);
  ASSERT_THAT(world_.Start(), IsOk());
  const Resource a{.kind = "gateway", .name = "a"};
  const Resource b{.kind = "gateway", .name = "b"};
  ASSERT_THAT(world_.journal->Creating(a, "t-a"), IsOk());
  ASSERT_THAT(world_.journal->Created(a, "i-1"), IsOk());
  ASSERT_THAT(world_.journal->Creating(b, "t-b"), IsOk());
  ASSERT_THAT(world_.journal->Created(b, "i-2"), IsOk());
  EngineParts parts{.cluster = world_.cluster,
                    .drivers = drivers,
                    .journal = *world_.journal,
                    .clock = world_.clock};
  const auto plan = ComputePlan(parts, {a, b});
  ASSERT_THAT(plan, IsOk());
  ASSERT_EQ(plan->actions.size(), 2U);
  for (const PlannedAction& planned : plan->actions) {
    ASSERT_EQ(planned.surplus.size(), 1U) << PlanToText(*plan);
    EXPECT_EQ(planned.surplus[0].id, "i-3");
  }
}

TEST_F(ComputePlanTest, FailureNamesTheResource) {
  EXPECT_THAT(Compute({{.kind = "moon", .name = "m"}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "m: m: nothing drives kind \"moon\""));
}

TEST_F(ComputePlanTest, StopIsNoFailureOfAResource) {
  std::stop_source stop;
  stop.request_stop();
  world_.stop = stop.get_token();
  EXPECT_THAT(Compute(SmallCluster()), StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace constellation::cloud::testing
