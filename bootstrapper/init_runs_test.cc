// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/init_runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <tuple>

#include "absl/synchronization/notification.h"
#include "bootstrapper/testing/init_fixtures.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "crypto/hash.h"

namespace constellation::bootstrapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr absl::Duration kLong = absl::Seconds(20);

class InitRunsTest : public ::testing::Test {
 protected:
  InitRuns::Functions Functions() {
    InitRuns::Functions functions;
    functions.init_secret_sha256 = [this] { return secret_sha256_; };
    functions.initialize = [this](const InitParameters& parameters,
                                  const PhaseObserver& observer) {
      ++starts_;
      observer("kubeadm-init");
      release_.WaitForNotification();
      return initialize_(parameters);
    };
    functions.node_is_ours = [this] { return node_is_ours_.load(); };
    functions.give_up = [this](const absl::Status&) { ++given_up_; };
    functions.succeeded = [this] { ++succeeded_; };
    return functions;
  }

  static absl::StatusOr<InitOutcome> Finished(InitRun& run) {
    std::string seen;
    while (!run.finished()) {
      seen = run.WaitForProgress(seen, kLong).phase;
    }
    return run.outcome();
  }

  absl::StatusOr<std::string> secret_sha256_ =
      HexEncode(crypto::Sha256(testing::Filled(1).Expose()));
  std::function<absl::StatusOr<InitOutcome>(const InitParameters&)>
      initialize_ = [](const InitParameters&) {
        return InitOutcome{"kubeconfig", Bytes(32, 9)};
      };
  absl::Notification release_;
  std::atomic<int> starts_ = 0;
  std::atomic<int> given_up_ = 0;
  std::atomic<int> succeeded_ = 0;
  std::atomic<bool> node_is_ours_ = true;
};

TEST_F(InitRunsTest, AWrongInitSecretStartsNothing) {
  InitRuns runs(Functions(), Clock::System());
  for (const auto& [value, size] :
       {std::pair<uint8_t, size_t>{7, 32}, {1, 31}, {1, 0}}) {
    InitParameters parameters = testing::GoodParameters();
    parameters.init_secret = testing::Filled(value, size);
    EXPECT_THAT(runs.Begin(std::move(parameters)),
                StatusIs(absl::StatusCode::kUnauthenticated));
  }
  EXPECT_EQ(starts_, 0);
}

TEST_F(InitRunsTest, WithoutASecretInTheMetadataNobodyMayInit) {
  for (const std::string& hash :
       {std::string(), std::string("00"), std::string("not hex")}) {
    secret_sha256_ = hash;
    InitRuns runs(Functions(), Clock::System());
    InitParameters parameters = testing::GoodParameters();
    parameters.init_secret = SecretBytes();
    EXPECT_THAT(runs.Begin(std::move(parameters)),
                StatusIs(absl::StatusCode::kFailedPrecondition));
  }
  secret_sha256_ = Unavailable("metadata gone");
  InitRuns runs(Functions(), Clock::System());
  EXPECT_THAT(runs.Begin(testing::GoodParameters()),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(InitRunsTest, ACallerWhoComesBackGetsTheSameRun) {
  InitRuns runs(Functions(), Clock::System());
  ASSERT_OK_AND_ASSIGN(const auto first, runs.Begin(testing::GoodParameters()));
  ASSERT_OK_AND_ASSIGN(const auto second,
                       runs.Begin(testing::GoodParameters()));
  EXPECT_EQ(first, second);
  EXPECT_THAT(first->outcome(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(first->WaitForProgress("", kLong).phase, "kubeadm-init");
  EXPECT_FALSE(
      first->WaitForProgress("kubeadm-init", absl::Milliseconds(5)).finished);
  release_.Notify();
  ASSERT_OK_AND_ASSIGN(const InitOutcome outcome, Finished(*second));
  EXPECT_EQ(outcome.kubeconfig, "kubeconfig");
  ASSERT_OK_AND_ASSIGN(const auto third, runs.Begin(testing::GoodParameters()));
  ASSERT_OK_AND_ASSIGN(const InitOutcome again, Finished(*third));
  EXPECT_EQ(again.cluster_id, outcome.cluster_id);
  EXPECT_EQ(starts_, 1);
}

TEST_F(InitRunsTest, OtherSecretsAreRefusedDuringAndAfterTheRun) {
  InitRuns runs(Functions(), Clock::System());
  ASSERT_OK_AND_ASSIGN(const auto run, runs.Begin(testing::GoodParameters()));
  const auto expect_refused = [&runs] {
    InitParameters key = testing::GoodParameters();
    key.master_key = testing::Filled(99);
    EXPECT_THAT(runs.Begin(std::move(key)),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("got others")));
    InitParameters salt = testing::GoodParameters();
    salt.master_salt[0] ^= 1U;
    EXPECT_THAT(runs.Begin(std::move(salt)),
                StatusIs(absl::StatusCode::kFailedPrecondition));
    InitParameters measurement = testing::GoodParameters();
    measurement.measurement_salt.clear();
    EXPECT_THAT(runs.Begin(std::move(measurement)),
                StatusIs(absl::StatusCode::kFailedPrecondition));
  };
  expect_refused();
  release_.Notify();
  ASSERT_THAT(Finished(*run), IsOk());
  expect_refused();
  EXPECT_EQ(starts_, 1);
}

TEST_F(InitRunsTest, ARefusedRequestCanBeCorrected) {
  release_.Notify();
  node_is_ours_ = false;
  initialize_ =
      [](const InitParameters& parameters) -> absl::StatusOr<InitOutcome> {
    if (parameters.cluster_name == "bad") {
      return InvalidArgument("cluster_name");
    }
    return InitOutcome{"kubeconfig", Bytes(32, 9)};
  };
  InitRuns runs(Functions(), Clock::System());
  InitParameters bad = testing::GoodParameters();
  bad.cluster_name = "bad";
  ASSERT_OK_AND_ASSIGN(const auto refused, runs.Begin(std::move(bad)));
  EXPECT_THAT(Finished(*refused), StatusIs(absl::StatusCode::kInvalidArgument));
  InitParameters good = testing::GoodParameters();
  good.master_key = testing::Filled(55);
  ASSERT_OK_AND_ASSIGN(const auto run, runs.Begin(std::move(good)));
  EXPECT_THAT(Finished(*run), IsOk());
  EXPECT_EQ(given_up_, 0);
}

TEST_F(InitRunsTest, AFailureBehindTheLockIsFinal) {
  release_.Notify();
  initialize_ = [](const InitParameters&) -> absl::StatusOr<InitOutcome> {
    return Internal("kubeadm: boom");
  };
  {
    InitRuns runs(Functions(), Clock::System());
    ASSERT_OK_AND_ASSIGN(const auto run, runs.Begin(testing::GoodParameters()));
    EXPECT_THAT(Finished(*run), StatusIs(absl::StatusCode::kInternal));
    ASSERT_OK_AND_ASSIGN(const auto again,
                         runs.Begin(testing::GoodParameters()));
    EXPECT_THAT(Finished(*again),
                StatusIs(absl::StatusCode::kInternal, "kubeadm: boom"));
  }
  EXPECT_EQ(starts_, 1);
  EXPECT_EQ(given_up_, 1);
  EXPECT_EQ(succeeded_, 0);
}

// The owner of a cloud's machine does not know how slow it is.
TEST_F(InitRunsTest, ASlowNodeTakesItsTime) {
  release_.Notify();
  for (const auto& [own, wanted, expected] :
       {std::tuple{10U, 1U, 10U}, {10U, 20U, 20U}, {1U, 7U, 7U}}) {
    InitRuns::Functions functions = Functions();
    functions.least_time_scale = own;
    std::atomic<uint32_t> got = 0;
    initialize_ = [&got](const InitParameters& parameters) {
      got = parameters.time_scale;
      return InitOutcome{"kubeconfig", Bytes(32, 9)};
    };
    InitRuns runs(std::move(functions), Clock::System());
    InitParameters parameters = testing::GoodParameters();
    parameters.time_scale = wanted;
    ASSERT_OK_AND_ASSIGN(const auto run, runs.Begin(std::move(parameters)));
    EXPECT_THAT(Finished(*run), IsOk());
    EXPECT_EQ(got, expected);
  }
}

TEST_F(InitRunsTest, AMemberGivesItsOwnerTheResultAgain) {
  InitRuns::Functions functions = Functions();
  functions.resume =
      [](const InitParameters& parameters) -> absl::StatusOr<InitOutcome> {
    if (!parameters.master_key.EqualsConstantTime(testing::Filled(2))) {
      return FailedPrecondition("other secrets");
    }
    return InitOutcome{"again", Bytes(32, 9)};
  };
  InitRuns runs(std::move(functions), Clock::System());
  ASSERT_OK_AND_ASSIGN(const auto run, runs.Begin(testing::GoodParameters()));
  ASSERT_OK_AND_ASSIGN(const InitOutcome outcome, Finished(*run));
  EXPECT_EQ(outcome.kubeconfig, "again");
  InitParameters other = testing::GoodParameters();
  other.master_key = testing::Filled(3);
  EXPECT_THAT(runs.Begin(std::move(other)),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  InitParameters thief = testing::GoodParameters();
  thief.init_secret = testing::Filled(8);
  EXPECT_THAT(runs.Begin(std::move(thief)),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_EQ(starts_, 0);
}

}  // namespace
}  // namespace constellation::bootstrapper
