// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/cloud_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/exit_code.h"
#include "cli/terminal/interrupt.h"
#include "cli/testing/recording_progress.h"
#include "cloud/engine/cloud_error.h"
#include "cloud/engine/testing/memory_cloud.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class CloudRunTest : public ::testing::Test {
 protected:
  CloudRunTest() {
    memory_.AddKind({.kind = "network"});
    tools_.engine.parallelism = 1;
    tools_.random = [] { return 0.5; };
  }
  ~CloudRunTest() override { SetInterruptedForTesting(false); }

  absl::StatusOr<std::unique_ptr<CloudRun>> Open(bool read_only = false) {
    return CloudRun::Open({memory_.drivers(), tools_, clock_, progress_},
                          identity_, Journal(), read_only);
  }
  std::string Journal() const { return folder_.Join("journal"); }
  static std::vector<cloud::Resource> Two() {
    return {{.kind = "network", .name = "one"},
            {.kind = "network", .name = "two", .depends_on = {"one"}}};
  }

  constellation::testing::TempDir folder_;
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  cloud::testing::KillSwitch kill_;
  cloud::testing::MemoryCloud memory_{clock_, kill_, /*seed=*/1};
  CloudTools tools_;
  testing::RecordingProgress progress_;
  cloud::ClusterIdentity identity_ = {
      .uid = "0a1b2c3d", .name = "demo", .cloud = "aws", .scope = "here"};
};

TEST_F(CloudRunTest, MakesWhatThePlanSaysAndForgetsIt) {
  ASSERT_OK_AND_ASSIGN(const auto run, Open());
  ASSERT_OK_AND_ASSIGN(const cloud::Plan plan, run->MakePlan(Two()));
  EXPECT_EQ(plan.Count(cloud::PlanAction::kCreate), 2U);
  EXPECT_THAT(run->Apply(plan).status, IsOk());
  EXPECT_THAT(memory_.Inventory("0a1b2c3d"),
              ElementsAre("network/one", "network/two"));
  EXPECT_TRUE(FileExists(Journal()));
  EXPECT_THAT(run->Terminate().status, IsOk());
  EXPECT_THAT(memory_.Inventory("0a1b2c3d"), IsEmpty());
  EXPECT_FALSE(FileExists(Journal()));
}

TEST_F(CloudRunTest, LookingWritesNothing) {
  ASSERT_OK_AND_ASSIGN(const auto run, Open(/*read_only=*/true));
  EXPECT_THAT(run->MakePlan(Two()), IsOk());
  EXPECT_FALSE(FileExists(Journal()));
}

// A journal of another cluster, or account, would delete the wrong things.
TEST_F(CloudRunTest, JournalsOfOthersAreRefused) {
  {
    ASSERT_OK_AND_ASSIGN(const auto run, Open());
    ASSERT_OK_AND_ASSIGN(const cloud::Plan plan, run->MakePlan(Two()));
    ASSERT_THAT(run->Apply(plan).status, IsOk());
  }
  identity_.scope = "elsewhere";
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr(Journal())));
  identity_.scope = "here";
  ASSERT_THAT(WriteFileAtomically(Journal(), "damaged\n"), IsOk());
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kInvalidArgument,
                               HasSubstr("journal header")));
}

// What a cloud says is shown, but cannot steer the terminal.
TEST_F(CloudRunTest, EveryFailureIsToldAndCleaned) {
  memory_.FailCreate("one", {.kind = cloud::CloudErrorKind::kPermission,
                             .subject = "ec2:Create\x1b[2JVpc"});
  ASSERT_OK_AND_ASSIGN(const auto run, Open());
  ASSERT_OK_AND_ASSIGN(const cloud::Plan plan, run->MakePlan(Two()));
  const absl::Status status = run->Apply(plan).status;
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kPermissionDenied,
                               HasSubstr("ec2:Create?[2JVpc")));
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("\x1b")));
}

TEST_F(CloudRunTest, CtrlCIsNoFailureOfTheCloud) {
  ASSERT_OK_AND_ASSIGN(const auto run, Open());
  ASSERT_OK_AND_ASSIGN(const cloud::Plan plan, run->MakePlan(Two()));
  memory_.FailCreate(
      "one", {.kind = cloud::CloudErrorKind::kPermission, .subject = "x"});
  SetInterruptedForTesting(true);
  EXPECT_EQ(ExitCodeOf(run->Apply(plan).status), ExitCode::kInterrupted);
}

}  // namespace
}  // namespace constellation::cli
