// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/lifecycle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
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
using ::testing::SizeIs;

// A driver whose every answer is a test's.
class ScriptedDriver final : public ResourceDriver {
 public:
  DriverTraits Traits() const override { return traits; }
  absl::StatusOr<std::vector<Observed>> Find(const DriverContext&) override {
    calls.emplace_back("find");
    return find();
  }
  absl::StatusOr<Observed> Create(const DriverContext&,
                                  std::string_view token) override {
    calls.emplace_back("create");
    tokens.emplace_back(token);
    return create();
  }
  std::vector<AttributeChange> Differs(const DriverContext&,
                                       const Observed&) override {
    return {};
  }
  absl::StatusOr<Observed> Update(const DriverContext&,
                                  const Observed& observed) override {
    calls.emplace_back("update");
    const absl::Status status = update();
    return status.ok() ? absl::StatusOr<Observed>(observed) : status;
  }
  absl::StatusOr<Observed> Refresh(const DriverContext&,
                                   const Observed& observed) override {
    calls.emplace_back("refresh");
    return refresh(observed);
  }
  absl::Status Delete(const DriverContext&, const Observed&) override {
    calls.emplace_back("delete");
    return remove();
  }
  absl::StatusOr<std::vector<Stray>> List(const ClusterIdentity&) override {
    calls.emplace_back("list");
    return list();
  }

  DriverTraits traits;
  std::vector<std::string> calls;
  std::vector<std::string> tokens;
  std::function<absl::StatusOr<std::vector<Observed>>()> find = [] {
    return std::vector<Observed>();
  };
  std::function<absl::StatusOr<Observed>()> create = [] {
    return Observed{.id = "i-1"};
  };
  std::function<absl::Status()> update = [] { return absl::OkStatus(); };
  std::function<absl::StatusOr<Observed>(const Observed&)> refresh =
      [](const Observed& observed) { return observed; };
  std::function<absl::Status()> remove = [] { return absl::OkStatus(); };
  std::function<absl::StatusOr<std::vector<Stray>>()> list = [] {
    return std::vector<Stray>();
  };
};

absl::Status Error(CloudErrorKind kind) {
  return MakeCloudError({.kind = kind, .message = "cloud says no"});
}

class LifecycleTest : public ::testing::Test {
 protected:
  LifecycleTest() {
    registry_.Add("vm", driver_);
    EXPECT_THAT(world_.Start(), IsOk());
  }
  EngineParts Parts() {
    return {.cluster = world_.cluster,
            .drivers = registry_,
            .journal = *world_.journal,
            .clock = world_.clock,
            .random = [] { return 0.5; },
            .options = world_.options,
            .stop = stop_.get_token()};
  }
  absl::StatusOr<Observed> Make() {
    const EngineParts parts = Parts();
    return Lifecycle(parts).Make(vm_);
  }
  absl::Status Remove(bool forget,
                      absl::Duration patience = absl::InfiniteDuration()) {
    const EngineParts parts = Parts();
    return Lifecycle(parts).Remove(vm_, {.id = "i-1"}, forget, patience);
  }

  EngineWorld world_;
  ScriptedDriver driver_;
  DriverRegistry registry_;
  std::stop_source stop_;
  const Resource vm_{.kind = "vm", .name = "a"};
};

TEST_F(LifecycleTest, StepsHaveNames) {
  EXPECT_EQ(ProgressStepName(ProgressStep::kLooking), "looking");
  EXPECT_EQ(ProgressStepName(ProgressStep::kRetrying), "retrying");
  EXPECT_EQ(ProgressStepName(ProgressStep::kFailed), "failed");
}

TEST_F(LifecycleTest, MakesAndNotes) {
  ASSERT_OK_AND_ASSIGN(const Observed made, Make());
  EXPECT_EQ(made.id, "i-1");
  EXPECT_THAT(driver_.calls, ElementsAre("create"));
  ASSERT_THAT(driver_.tokens, SizeIs(1));
  EXPECT_EQ(driver_.tokens[0], "0a1b2c3d-8000000080000000");
  const auto entry = world_.journal->Find("a");
  ASSERT_TRUE(entry.has_value());
  EXPECT_EQ(entry->state, JournalState::kReady);
  EXPECT_EQ(entry->id, "i-1");
}

TEST_F(LifecycleTest, JournalKnowsBeforeTheCloud) {
  driver_.create = [&]() -> absl::StatusOr<Observed> {
    const auto entry = world_.journal->Find("a");
    EXPECT_TRUE(entry.has_value() && entry->state == JournalState::kCreating);
    return Observed{.id = "i-1"};
  };
  EXPECT_THAT(Make(), IsOk());
}

TEST_F(LifecycleTest, RefusalIsForgotten) {
  driver_.create = [] { return Error(CloudErrorKind::kQuota); };
  EXPECT_THAT(Make(),
              StatusIs(absl::StatusCode::kResourceExhausted, "cloud says no"));
  EXPECT_FALSE(world_.journal->Find("a").has_value());
}

// Nobody knows whether it was made: the journal must remember.
TEST_F(LifecycleTest, UnclearOutcomeIsRemembered) {
  driver_.traits.create_is_idempotent = true;
  driver_.create = [] { return Error(CloudErrorKind::kUnclear); };
  EXPECT_THAT(Make(), StatusIs(absl::StatusCode::kUnavailable));
  const auto entry = world_.journal->Find("a");
  ASSERT_TRUE(entry.has_value());
  EXPECT_EQ(entry->state, JournalState::kCreating);
  // Every repeat had the same token, and so has the next run's.
  const std::string token = driver_.tokens.front();
  EXPECT_THAT(driver_.tokens, ::testing::Each(token));
  driver_.tokens.clear();
  driver_.create = [] { return Observed{.id = "i-1"}; };
  EXPECT_THAT(Make(), IsOk());
  EXPECT_THAT(driver_.tokens, ElementsAre(token));
}

TEST_F(LifecycleTest, UnclearOutcomeWithoutTokensIsLookedFor) {
  int looks = 0;
  driver_.create = [] { return Error(CloudErrorKind::kUnclear); };
  driver_.find = [&]() -> absl::StatusOr<std::vector<Observed>> {
    return ++looks < 3 ? std::vector<Observed>()
                       : std::vector<Observed>{{.id = "i-7"}};
  };
  ASSERT_OK_AND_ASSIGN(const Observed made, Make());
  EXPECT_EQ(made.id, "i-7");
  EXPECT_THAT(driver_.calls, ElementsAre("create", "find", "find", "find"));
}

TEST_F(LifecycleTest, HiddenDependencyIsBorneForAWhile) {
  const absl::Time start = world_.clock.Now();
  driver_.create = [] { return Error(CloudErrorKind::kNotFound); };
  EXPECT_THAT(Make(), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_GE(world_.clock.Now() - start, world_.options.window.settle);
  EXPECT_LT(world_.clock.Now() - start, world_.options.retry_for);
}

TEST_F(LifecycleTest, LateFailureIsMadeAgainOnce) {
  int made = 0;
  driver_.create = [&]() -> absl::StatusOr<Observed> {
    ++made;
    return Observed{
        .id = "i", .state = ResourceState::kFailed, .detail = "no host"};
  };
  driver_.refresh = [&](const Observed& observed) -> absl::StatusOr<Observed> {
    if (driver_.calls.end()[-2] == "delete") {
      return Error(CloudErrorKind::kNotFound);
    }
    return observed;
  };
  EXPECT_THAT(Make(), StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("no host")));
  EXPECT_EQ(made, world_.options.create_attempts);
}

// Trying again at once would find the same.
TEST_F(LifecycleTest, AFailureThatTheCloudExplainsIsToldAsSuch) {
  driver_.create = []() -> absl::StatusOr<Observed> {
    return Observed{.id = "i",
                    .state = ResourceState::kFailed,
                    .detail = "no host",
                    .failure = CloudErrorKind::kCapacity};
  };
  EXPECT_THAT(Make(), StatusIs(absl::StatusCode::kResourceExhausted,
                               HasSubstr("no host")));
  EXPECT_EQ(driver_.tokens.size(), 1U);
}

TEST_F(LifecycleTest, NotReadyInTimeIsNamedSo) {
  driver_.traits.ready_timeout = absl::Minutes(1);
  driver_.create = [] {
    return Observed{.id = "i-1", .state = ResourceState::kPending};
  };
  const auto made = Make();
  EXPECT_EQ(CloudErrorKindOf(made.status()), CloudErrorKind::kTimedOut);
  EXPECT_EQ(world_.journal->Find("a")->state, JournalState::kCreated);
}

TEST_F(LifecycleTest, StopMakesNothing) {
  stop_.request_stop();
  EXPECT_THAT(Make(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(driver_.calls, IsEmpty());
  EXPECT_FALSE(world_.journal->Find("a").has_value());
}

TEST_F(LifecycleTest, UnknownKindIsNamed) {
  const EngineParts parts = Parts();
  Lifecycle lifecycle(parts);
  const Resource moon{.kind = "moon", .name = "m"};
  EXPECT_THAT(lifecycle.Make(moon),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "m: nothing drives kind \"moon\""));
  EXPECT_THAT(lifecycle.Find(moon),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(lifecycle.List("moon"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(LifecycleTest, RemovesUntilTheCloudDeniesIt) {
  int looks = 0;
  driver_.refresh = [&](const Observed& observed) -> absl::StatusOr<Observed> {
    if (++looks < 3) {
      return Observed{.id = observed.id, .state = ResourceState::kDeleting};
    }
    return Error(CloudErrorKind::kNotFound);
  };
  EXPECT_THAT(Remove(false), IsOk());
  EXPECT_THAT(driver_.calls,
              ElementsAre("delete", "refresh", "refresh", "refresh"));
}

// The cloud took the request and forgot it.
TEST_F(LifecycleTest, DeletesAgainWhatIsStillWhole) {
  int looks = 0;
  driver_.refresh = [&](const Observed& observed) -> absl::StatusOr<Observed> {
    if (++looks == 1) {
      return observed;
    }
    return Error(CloudErrorKind::kNotFound);
  };
  EXPECT_THAT(Remove(false), IsOk());
  EXPECT_THAT(driver_.calls,
              ElementsAre("delete", "refresh", "delete", "refresh"));
}

TEST_F(LifecycleTest, AlreadyGoneIsGone) {
  driver_.remove = [] { return Error(CloudErrorKind::kNotFound); };
  EXPECT_THAT(Remove(true), IsOk());
  EXPECT_THAT(driver_.calls, ElementsAre("delete"));
  EXPECT_FALSE(world_.journal->Find("a").has_value());
}

TEST_F(LifecycleTest, RefusedDeletionStaysInTheJournal) {
  driver_.remove = [] { return Error(CloudErrorKind::kPermission); };
  EXPECT_THAT(Remove(true), StatusIs(absl::StatusCode::kPermissionDenied));
  const auto entry = world_.journal->Find("a");
  ASSERT_TRUE(entry.has_value());
  EXPECT_EQ(entry->state, JournalState::kDeleting);
}

TEST_F(LifecycleTest, PatienceBoundsRefusals) {
  driver_.remove = [] { return Error(CloudErrorKind::kDependency); };
  const absl::Time start = world_.clock.Now();
  EXPECT_EQ(CloudErrorKindOf(Remove(false, absl::ZeroDuration())),
            CloudErrorKind::kDependency);
  EXPECT_EQ(world_.clock.Now(), start);
  EXPECT_THAT(driver_.calls, ElementsAre("delete"));
}

TEST_F(LifecycleTest, ListBearsPassingErrors) {
  int asked = 0;
  driver_.list = [&]() -> absl::StatusOr<std::vector<Stray>> {
    if (++asked < 3) {
      return Error(CloudErrorKind::kThrottled);
    }
    return std::vector<Stray>{{.name = "x"}};
  };
  const EngineParts parts = Parts();
  ASSERT_OK_AND_ASSIGN(const auto strays, Lifecycle(parts).List("vm"));
  EXPECT_THAT(strays, SizeIs(1));
  driver_.list = [] { return Error(CloudErrorKind::kPermission); };
  EXPECT_THAT(Lifecycle(parts).List("vm"),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(LifecycleTest, AdoptChangesOnlyWhenTold) {
  const EngineParts parts = Parts();
  Lifecycle lifecycle(parts);
  ASSERT_THAT(lifecycle.Adopt(vm_, {.id = "i-1"}, false), IsOk());
  EXPECT_THAT(driver_.calls, IsEmpty());
  EXPECT_EQ(world_.journal->Find("a")->state, JournalState::kReady);
  EXPECT_EQ(lifecycle.Outputs().at("a").id, "i-1");
  ASSERT_THAT(lifecycle.Adopt(vm_, {.id = "i-1"}, true), IsOk());
  EXPECT_THAT(driver_.calls, ElementsAre("update"));
}

TEST_F(LifecycleTest, UpdateBearsPassingErrorsOnly) {
  const EngineParts parts = Parts();
  Lifecycle lifecycle(parts);
  int asked = 0;
  driver_.update = [&] {
    return ++asked < 3 ? Error(CloudErrorKind::kConflict) : absl::OkStatus();
  };
  EXPECT_THAT(lifecycle.Adopt(vm_, {.id = "i-1"}, true), IsOk());
  EXPECT_EQ(asked, 3);
  driver_.update = [] { return Error(CloudErrorKind::kInvalid); };
  EXPECT_THAT(lifecycle.Adopt(vm_, {.id = "i-1"}, true),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(LifecycleTest, FindAndRemoveTakesAllOfAName) {
  driver_.find = [] {
    return std::vector<Observed>{{.id = "i-1"}, {.id = "i-2"}};
  };
  driver_.refresh = [](const Observed&) -> absl::StatusOr<Observed> {
    return Error(CloudErrorKind::kNotFound);
  };
  const EngineParts parts = Parts();
  EXPECT_THAT(Lifecycle(parts).FindAndRemove(vm_), IsOk());
  EXPECT_THAT(driver_.calls,
              ElementsAre("find", "delete", "refresh", "delete", "refresh"));
}

}  // namespace
}  // namespace constellation::cloud::testing
