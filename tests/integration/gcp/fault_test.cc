// SPDX-License-Identifier: Apache-2.0
// Runs that die after a step, answers that are lost, servers that stumble. At
// the end exactly what is wanted exists, once; after `terminate` nothing.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "common/testing/status_matchers.h"
#include "tests/integration/gcp/gcp_world.h"

namespace constellation::cloud::gcp::testing {
namespace {

using ::constellation::testing::IsOk;
using nlohmann::json;
using ::testing::IsEmpty;

// Every step takes minutes: CONSTELLATION_EVERY_STEP asks for it.
int Stride() {
  return std::getenv("CONSTELLATION_EVERY_STEP") != nullptr ? 1 : 23;
}

// What a finished small cluster consists of: paths without instances, and
// without the hashes of templates, which know the balancer's address.
std::set<std::string> Things(const json& dump) {
  std::set<std::string> paths;
  for (const auto& [path, thing] : dump.items()) {
    if (path.find("/instanceTemplates/") != std::string::npos) {
      const bool alone = paths.insert(path.substr(0, path.size() - 9)).second;
      EXPECT_TRUE(alone) << "two templates of one group: " << path;
    } else if (path.find("/instances/") == std::string::npos) {
      paths.insert(path);
    }
  }
  return paths;
}

template <typename Run>
EngineResult UntilDone(const Run& run) {
  EngineResult result;
  for (int i = 0; i < 5; ++i) {
    result = run();
    if (result.status.ok()) {
      break;
    }
  }
  return result;
}

class GcpFaultTest : public ::testing::Test {
 protected:
  static const std::set<std::string>& Wanted() {
    static const std::set<std::string> wanted = [] {
      GcpWorld world;
      EXPECT_THAT(world.RunApply().status, IsOk());
      return Things(world.Dump());
    }();
    return wanted;
  }

  static void ExpectAll(GcpWorld& world) {
    EXPECT_EQ(Things(world.Dump()), Wanted());
  }
  static void ExpectNothing(GcpWorld& world) {
    EXPECT_EQ(world.Dump(), json::object());
    EXPECT_FALSE(world.storage.exists());
  }
  // In the end everything is made, once.
  static void ExpectApplies(GcpWorld& world) {
    const EngineResult made = UntilDone([&] { return world.RunApply(); });
    ASSERT_THAT(made.status, IsOk()) << FailuresToText(made);
    ExpectAll(world);
  }
  // In the end nothing is left.
  static void ExpectTerminates(GcpWorld& world) {
    const EngineResult gone = UntilDone([&] { return world.RunTerminate(); });
    ASSERT_THAT(gone.status, IsOk()) << FailuresToText(gone);
    ExpectNothing(world);
  }
  // A run that dies after `step` steps; false if it ended before.
  template <typename Run>
  static bool Dies(GcpWorld& world, int step, const Run& run) {
    world.kill.Arm(step);
    (void)run();
    const bool died = world.kill.dead();
    world.kill.Arm(0);
    return died;
  }
  // Calls `life`, which dies at the step it is told, with later and later
  // steps, each in a new world, until one ends before its step.
  template <typename Life>
  static void ForSteps(int first, const Life& life) {
    for (int step = first;; step += Stride()) {
      SCOPED_TRACE(step);
      GcpWorld world;
      if (!life(world, step) || HasFailure()) {
        break;
      }
    }
  }
};

TEST_F(GcpFaultTest, GoesOnAfterDyingWhileMaking) {
  ForSteps(1, [](GcpWorld& world, int step) {
    world.options.allow_deletion = true;  // of what was half made
    const bool died = Dies(world, step, [&] { return world.RunApply(); });
    ExpectApplies(world);
    ExpectTerminates(world);
    return died;
  });
}

TEST_F(GcpFaultTest, DeletesAfterDyingWhileMaking) {
  ForSteps(7, [](GcpWorld& world, int step) {
    const bool died = Dies(world, step, [&] { return world.RunApply(); });
    ExpectTerminates(world);
    return died;
  });
}

TEST_F(GcpFaultTest, GoesOnAfterDyingWhileDeleting) {
  ForSteps(3, [](GcpWorld& world, int step) {
    EXPECT_THAT(world.RunApply().status, IsOk());
    const bool died = Dies(world, step, [&] { return world.RunTerminate(); });
    ExpectTerminates(world);
    return died;
  });
}

TEST_F(GcpFaultTest, BearsABadLink) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    GcpWorld world;
    world.options.allow_deletion = true;
    world.transport.SetFaults(
        {.answer_lost = 0.06, .unavailable = 0.06, .throttled = 0.06}, seed);
    ExpectApplies(world);
    ExpectTerminates(world);
  }
}

TEST_F(GcpFaultTest, BearsSlowOperations) {
  GcpWorld world;
  world.server.Control("/_ctl",
                       {{"compute", {{"op_polls", 8}, {"boot_polls", 6}}}});
  ASSERT_THAT(world.RunApply().status, IsOk());
  ExpectAll(world);
  ASSERT_THAT(world.RunTerminate().status, IsOk());
  ExpectNothing(world);
}

TEST_F(GcpFaultTest, BearsThatThingsAreGoneAlready) {
  GcpWorld world;
  ASSERT_THAT(world.RunApply().status, IsOk());
  world.server.Control("/_reset", json::object());
  world.server.Control("/_ctl",
                       {{"auth", {{"tokens", {{"ya29.test", "tester"}}}}}});
  ASSERT_THAT(world.RunTerminate().status, IsOk());
  ExpectNothing(world);
}

TEST_F(GcpFaultTest, BearsDeletionsThatFailLate) {
  GcpWorld world;
  ASSERT_THAT(world.RunApply().status, IsOk());
  world.server.Control("/_ctl",
                       {{"compute",
                         {{"fail",
                           {{{"match", "compute.networks.delete"},
                             {"op", "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE"},
                             {"message", "in use by 'x'"},
                             {"times", 2}},
                            {{"match", "compute.instanceGroupManagers.delete"},
                             {"op", "INTERNAL_ERROR"}}}}}}});
  const EngineResult gone = world.RunTerminate();
  ASSERT_THAT(gone.status, IsOk()) << FailuresToText(gone);
  ExpectNothing(world);
}

}  // namespace
}  // namespace constellation::cloud::gcp::testing
