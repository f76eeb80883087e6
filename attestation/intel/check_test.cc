// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using Id = IntelCheckId;

constexpr auto kLast = static_cast<int>(Id::kIsvSvn);

TEST(IntelCheckTest, EveryCheckHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int i = 0; i <= kLast; ++i) {
    const std::string_view name = ToString(static_cast<Id>(i));
    EXPECT_NE(name, "unknown") << i;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_EQ(ToString(static_cast<Id>(kLast + 1)), "unknown");
}

TEST(IntelCheckTest, APassedRowHasNothingToFix) {
  IntelCheckList rows;
  EXPECT_TRUE(rows.AllPassed());
  rows.Add(Id::kFmspc, true, "a", "a", "never shown");
  EXPECT_TRUE(rows.AllPassed());
  rows.Add(Id::kPceId, false, "b", "c", "shown");
  EXPECT_FALSE(rows.AllPassed());
  const std::vector<IntelCheck> taken = rows.Take();
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].fix, "");
  EXPECT_EQ(taken[1].fix, "shown");
}

TEST(IntelCheckTest, RowsOfStatusSayItsMessage) {
  IntelCheckList rows;
  rows.AddStatus(Id::kPckChain, absl::OkStatus(), "a chain");
  rows.AddStatus(Id::kPckDates, absl::InternalError("too old"), "dates", "new");
  rows.AddUnavailable(Id::kFmspc, "equal", "no PCK");
  IntelCheckList all;
  all.Append(rows.Take());
  const std::vector<IntelCheck> taken = all.Take();
  ASSERT_EQ(taken.size(), 3U);
  EXPECT_EQ(taken[0].got, "as expected");
  EXPECT_TRUE(taken[0].passed);
  EXPECT_EQ(taken[1].got, "too old");
  EXPECT_EQ(taken[1].fix, "new");
  EXPECT_EQ(taken[2].got, "not available: no PCK");
  EXPECT_FALSE(taken[2].passed);
}

TEST(IntelCheckTest, TheFirstFailureIsTheStatus) {
  EXPECT_THAT(FirstFailure({}, "quote"), IsOk());
  const auto failure = [](Id id) {
    IntelCheckList rows;
    rows.Add(Id::kRtmr0, true, "", "");
    rows.Add(id, false, "x", "y", "do z");
    rows.Add(Id::kDebug, false, "later", "ones");
    return FirstFailure(rows.Take(), "quote");
  };
  EXPECT_THAT(failure(Id::kFmspc),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       "quote: FMSPC: expected x, got y; do z"));
  for (const Id id : {Id::kTcbInfoFormat, Id::kEnclaveIdentityFormat,
                      Id::kQuoteFormat, Id::kPolicyComplete}) {
    EXPECT_THAT(failure(id), StatusIs(absl::StatusCode::kInvalidArgument));
  }
  for (const Id id : {Id::kCollateralDates, Id::kPckDates}) {
    EXPECT_THAT(failure(id), StatusIs(absl::StatusCode::kFailedPrecondition));
  }
  for (const Id id : {Id::kPolicyRoot, Id::kMrTd, Id::kIsvSvn}) {
    EXPECT_THAT(failure(id), StatusIs(absl::StatusCode::kPermissionDenied));
  }
}

}  // namespace
}  // namespace constellation::attestation
