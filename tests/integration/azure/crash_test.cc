// SPDX-License-Identifier: Apache-2.0
// The cli dies at every step, before a request or after its effect or in the
// middle of a line of the journal; the next run goes on or deletes. At the end
// exactly what is wanted exists, or nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/testing/status_matchers.h"
#include "tests/integration/azure/azure_world.h"

namespace constellation::cloud::azure::testing {
namespace {

using ::constellation::testing::IsOk;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kUid[] = "0a1b2c3d";
constexpr size_t kThings = 8;
constexpr int kMostSteps = 1000;

class CrashTest : public ::testing::Test {
 protected:
  CrashTest() {
    world_.options.allow_deletion = true;  // of what was half deleted
    world_.stub.Control({{"polls", 1}, {"page_size", 50}});
  }

  void Begin() {
    world_.Reset();
    world_.stub.Control({{"polls", 1}, {"page_size", 50}});
  }

  // Whether `command` died at `step`.
  template <typename Command>
  bool DiesIn(int step, const Command& command) {
    world_.kill.Arm(step);
    (void)command();
    const bool died = world_.kill.dead();
    world_.kill.Arm(0);
    return died;
  }

  EngineResult Make() { return world_.RunApply(world_.request); }

  void ExpectAll() {
    const EngineResult result = Make();
    EXPECT_THAT(result.status, IsOk()) << FailuresToText(result);
    EXPECT_THAT(world_.stub.Owned(kUid), SizeIs(kThings));
  }
  void ExpectNothing() {
    const EngineResult result = world_.RunTerminate();
    EXPECT_THAT(result.status, IsOk()) << FailuresToText(result);
    EXPECT_THAT(world_.stub.Owned(kUid), IsEmpty());
  }

  AzureWorld world_;
};

TEST_F(CrashTest, WhileItIsMade) {
  int deaths = 0;
  for (int step = 1; step < kMostSteps; ++step) {
    SCOPED_TRACE(step);
    Begin();
    if (!DiesIn(step, [&] { return Make(); })) {
      break;
    }
    ++deaths;
    if (deaths % 2 == 0) {
      ExpectAll();
    }
    ExpectNothing();
  }
  EXPECT_GT(deaths, 100);
}

TEST_F(CrashTest, WhileItIsDeleted) {
  int deaths = 0;
  for (int step = 1; step < kMostSteps; ++step) {
    SCOPED_TRACE(step);
    Begin();
    ASSERT_THAT(Make().status, IsOk());
    if (!DiesIn(step, [&] { return world_.RunTerminate(); })) {
      break;
    }
    ++deaths;
    if (deaths % 3 == 0) {
      ExpectAll();
    }
    ExpectNothing();
  }
  EXPECT_GT(deaths, 50);
}

}  // namespace
}  // namespace constellation::cloud::azure::testing
