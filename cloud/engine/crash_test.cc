// SPDX-License-Identifier: Apache-2.0
// Runs die after every single step, of making and of deleting, in clouds that
// misbehave; then another run goes on, or deletes everything. Two properties:
// at the end exactly what is wanted exists, once; or nothing does.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>

#include "cloud/engine/testing/engine_world.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::testing {
namespace {

using ::constellation::testing::IsOk;
using ::testing::IsEmpty;

constexpr int kMaxSteps = 2000;
constexpr int kMaxRuns = 4;  // of the same command until it succeeds

CloudFaults Unpleasant() {
  return {.throttled = 0.05,
          .unavailable = 0.05,
          .answer_lost = 0.08,
          .request_lost = 0.04,
          .executed_later = 0.04,
          .hidden = absl::Seconds(60),
          .late_failures = 0,
          .page_size = 3};
}

// What one seed decides.
struct Scenario {
  uint64_t seed = 0;
  CloudFaults faults = {};
  int parallelism = 1;
};

class Story final {
 public:
  explicit Story(const Scenario& scenario) : world_(scenario.seed) {
    world_.cloud.SetFaults(scenario.faults);
    world_.options.parallelism = scenario.parallelism;
    world_.options.allow_deletion = true;  // of what was half deleted
    pause_ = absl::Seconds(static_cast<int64_t>(scenario.seed * 37 % 900));
  }

  EngineWorld& world() { return world_; }

  // Runs `command` in a process that dies at `step`; whether it died.
  template <typename Command>
  bool DiesIn(int step, const Command& command) {
    world_.kill.Arm(step);
    (void)command();
    const bool died = world_.kill.dead();
    steps_ = world_.kill.steps();
    world_.kill.Arm(0);
    world_.clock.Advance(pause_);
    return died;
  }

  // Late failures may need the command again.
  absl::Status UntilDone(const std::function<EngineResult()>& command) {
    absl::Status status;
    for (int run = 0; run < kMaxRuns; ++run) {
      status = command().status;
      if (status.ok()) {
        break;
      }
    }
    return status;
  }

  absl::Status Build() {
    return UntilDone([this] { return world_.RunApply(SmallCluster()); });
  }
  absl::Status Destroy() {
    return UntilDone([this] { return world_.RunTerminate(); });
  }

  void ExpectEverythingOnce() {
    EXPECT_EQ(world_.cloud.Inventory(world_.cluster.uid),
              Inventory(SmallCluster()));
  }
  void ExpectNothing() {
    EXPECT_THAT(world_.cloud.Inventory(world_.cluster.uid), IsEmpty());
    EXPECT_FALSE(world_.storage.exists());
  }

  int steps() const { return steps_; }

 private:
  EngineWorld world_;
  absl::Duration pause_;
  int steps_ = 0;
};

// Dies while making, then goes on, then deletes. False: it did not die.
bool DieMakingThenGoOn(const Scenario& scenario, int step) {
  Story story(scenario);
  const bool died = story.DiesIn(
      step, [&] { return story.world().RunApply(SmallCluster()); });
  EXPECT_THAT(story.Build(), IsOk());
  story.ExpectEverythingOnce();
  EXPECT_THAT(story.Destroy(), IsOk());
  story.ExpectNothing();
  return died;
}

// Dies while making, then deletes at once.
bool DieMakingThenDelete(const Scenario& scenario, int step) {
  Story story(scenario);
  const bool died = story.DiesIn(
      step, [&] { return story.world().RunApply(SmallCluster()); });
  EXPECT_THAT(story.Destroy(), IsOk());
  story.ExpectNothing();
  return died;
}

// Dies while deleting, then goes on deleting.
bool DieDeletingThenGoOn(const Scenario& scenario, int step) {
  Story story(scenario);
  EXPECT_THAT(story.Build(), IsOk());
  const bool died =
      story.DiesIn(step, [&] { return story.world().RunTerminate(); });
  EXPECT_THAT(story.Destroy(), IsOk());
  story.ExpectNothing();
  return died;
}

// Dies while deleting, then makes everything again.
bool DieDeletingThenMake(const Scenario& scenario, int step) {
  Story story(scenario);
  EXPECT_THAT(story.Build(), IsOk());
  const bool died =
      story.DiesIn(step, [&] { return story.world().RunTerminate(); });
  EXPECT_THAT(story.Build(), IsOk());
  story.ExpectEverythingOnce();
  return died;
}

using Tale = bool (*)(const Scenario& scenario, int step);

void AfterEveryStep(const Tale tale, const Scenario& scenario, int stride) {
  int step = 1;
  for (; step < kMaxSteps; step += stride) {
    SCOPED_TRACE(fmt::format("seed {}, step {}", scenario.seed, step));
    if (!tale(scenario, step) || ::testing::Test::HasFailure()) {
      break;
    }
  }
  // Far fewer means that the test lost its teeth.
  EXPECT_GT(step, 40);
  EXPECT_LT(step, kMaxSteps);
}

constexpr Tale kTales[] = {DieMakingThenGoOn, DieMakingThenDelete,
                           DieDeletingThenGoOn, DieDeletingThenMake};

TEST(CrashTest, AfterEveryStepInAPleasantCloud) {
  for (const Tale tale : kTales) {
    AfterEveryStep(tale, {.seed = 1}, 1);
  }
}

TEST(CrashTest, AfterEveryStepWithEventualConsistency) {
  for (const Tale tale : kTales) {
    AfterEveryStep(tale, {.seed = 2, .faults = {.hidden = absl::Seconds(80)}},
                   1);
  }
}

TEST(CrashTest, AfterEveryStepWithLostAnswers) {
  for (const Tale tale : kTales) {
    AfterEveryStep(tale,
                   {.seed = 3,
                    .faults = {.answer_lost = 0.3,
                               .request_lost = 0.1,
                               .executed_later = 0.1,
                               .hidden = absl::Seconds(60)}},
                   1);
  }
}

TEST(CrashTest, AfterEveryStepWithLateFailures) {
  for (const Tale tale : kTales) {
    AfterEveryStep(tale, {.seed = 4, .faults = {.late_failures = 1}}, 1);
  }
}

TEST(CrashTest, ManySeedsInAnUnpleasantCloud) {
  for (uint64_t seed = 10; seed < 40; ++seed) {
    for (const Tale tale : kTales) {
      AfterEveryStep(tale, {.seed = seed, .faults = Unpleasant()}, 7);
    }
  }
}

TEST(CrashTest, ManySeedsInParallel) {
  for (uint64_t seed = 100; seed < 110; ++seed) {
    for (const Tale tale : kTales) {
      AfterEveryStep(
          tale, {.seed = seed, .faults = Unpleasant(), .parallelism = 4}, 13);
    }
  }
}

// Twice, thrice: every process dies a little later than the one before.
TEST(CrashTest, DyingAgainAndAgainStillArrives) {
  for (uint64_t seed = 200; seed < 230; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Story story({.seed = seed, .faults = Unpleasant()});
    int step = 5;
    while (story.DiesIn(
        step, [&] { return story.world().RunApply(SmallCluster()); })) {
      step += 5;
      ASSERT_LT(step, kMaxSteps);
    }
    EXPECT_THAT(story.Build(), IsOk());
    story.ExpectEverythingOnce();
    step = 5;
    while (story.DiesIn(step, [&] { return story.world().RunTerminate(); })) {
      step += 5;
      ASSERT_LT(step, kMaxSteps);
    }
    EXPECT_THAT(story.Destroy(), IsOk());
    story.ExpectNothing();
  }
}

}  // namespace
}  // namespace constellation::cloud::testing
