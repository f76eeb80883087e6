// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/tcb_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/intel/testing/synthetic.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::CheckSynthetic;
using ::constellation::testing::FailedChecks;
using ::constellation::testing::FixOf;
using ::constellation::testing::GotOf;
using ::constellation::testing::IntelSigner;
using ::constellation::testing::IntelTestQuote;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Id = IntelCheckId;

// Accepts the synthetic platform.
IntelTcbPolicy Good() {
  IntelTcbPolicy policy;
  policy.accepted_statuses = {TcbStatus::kUpToDate};
  policy.minimum_evaluation_data_number = 18;
  policy.insecure_roots = {IntelSigner::Get().RootSpkiSha256()};
  return policy;
}

// A genuine quote of a platform, up to date or one step behind.
VerifiedIntelQuote Quote(bool old = false) {
  IntelTestQuote quote;
  constellation::testing::IntelTestPck pck;
  if (old) {
    pck.components[0] = 2;
    quote.td.tee_tcb_svn[0] = 3;
  }
  return *CheckSynthetic(IntelSigner::Get().Make(quote, pck)).quote;
}

std::vector<IntelCheck> Rows(const IntelTcbPolicy& policy,
                             const VerifiedIntelQuote* quote) {
  IntelCheckList rows;
  CheckTcbPolicy(policy, quote, rows);
  return rows.Take();
}

TEST(TcbPolicyTest, AcceptsWhatItNames) {
  const VerifiedIntelQuote quote = Quote();
  EXPECT_THAT(FailedChecks(Rows(Good(), &quote)), IsEmpty());
}

TEST(TcbPolicyTest, RefusesARootThatItDoesNotName) {
  const VerifiedIntelQuote quote = Quote();
  IntelTcbPolicy policy = Good();
  policy.insecure_roots.clear();
  const auto rows = Rows(policy, &quote);
  EXPECT_THAT(FailedChecks(rows), ElementsAre(Id::kPolicyRoot));
  EXPECT_THAT(FixOf(rows, Id::kPolicyRoot), HasSubstr("insecureRoots"));
}

TEST(TcbPolicyTest, RefusesOlderCollateralThanItWants) {
  const VerifiedIntelQuote quote = Quote();
  IntelTcbPolicy policy = Good();
  policy.minimum_evaluation_data_number = 19;
  const auto rows = Rows(policy, &quote);
  EXPECT_THAT(FailedChecks(rows), ElementsAre(Id::kEvaluationDataNumber));
  EXPECT_EQ(GotOf(rows, Id::kEvaluationDataNumber), "18");
  EXPECT_THAT(FixOf(rows, Id::kEvaluationDataNumber),
              HasSubstr("minimumEvaluationDataNumber"));
}

TEST(TcbPolicyTest, OldPlatformsNeedTheirStatusAndAdvisoriesAccepted) {
  const VerifiedIntelQuote quote = Quote(/*old=*/true);
  IntelTcbPolicy policy = Good();
  const auto rows = Rows(policy, &quote);
  EXPECT_THAT(FailedChecks(rows), ElementsAre(Id::kTcbStatus, Id::kAdvisories));
  EXPECT_THAT(GotOf(rows, Id::kTcbStatus), HasSubstr("OutOfDate"));
  EXPECT_THAT(
      FixOf(rows, Id::kTcbStatus),
      AllOf(HasSubstr("update the host"), HasSubstr("acceptedStatuses")));
  EXPECT_EQ(GotOf(rows, Id::kAdvisories), "INTEL-SA-00837");
  policy.accepted_statuses.push_back(TcbStatus::kOutOfDate);
  policy.accepted_advisories = {"INTEL-SA-00837"};
  EXPECT_THAT(FailedChecks(Rows(policy, &quote)), IsEmpty());
  policy.accepted_advisories.clear();
  policy.accept_any_advisory = true;
  EXPECT_THAT(FailedChecks(Rows(policy, &quote)), IsEmpty());
}

TEST(TcbPolicyTest, WithoutAQuoteEveryRowFails) {
  EXPECT_THAT(FailedChecks(Rows(Good(), nullptr)),
              ElementsAre(Id::kPolicyRoot, Id::kTcbStatus, Id::kAdvisories,
                          Id::kEvaluationDataNumber));
}

TEST(TcbPolicyTest, NothingIsAssumedInPlaceOfWhatIsMissing) {
  EXPECT_THAT(MissingInTcbPolicy(Good()), IsEmpty());
  EXPECT_THAT(MissingInTcbPolicy({}),
              ElementsAre("acceptedStatuses", "minimumEvaluationDataNumber"));
  IntelTcbPolicy policy = Good();
  policy.accepted_statuses = {TcbStatus::kRevoked, TcbStatus::kNotSupported};
  policy.collateral_grace = absl::Hours(24 * 366);
  EXPECT_THAT(MissingInTcbPolicy(policy),
              ElementsAre(HasSubstr("Revoked"), HasSubstr("NotSupported"),
                          HasSubstr("collateralGrace")));
  policy.collateral_grace = -absl::Seconds(1);
  EXPECT_THAT(MissingInTcbPolicy(policy), ::testing::SizeIs(3));
  IntelCheckList rows;
  CheckPolicyComplete({"mrtd"}, rows);
  CheckPolicyComplete({}, rows);
  const auto taken = rows.Take();
  EXPECT_FALSE(taken[0].passed);
  EXPECT_EQ(taken[0].got, "missing: mrtd");
  EXPECT_TRUE(taken[1].passed);
}

TEST(TcbPolicyTest, MeasurementsAreOneOfAList) {
  const std::vector<std::array<uint8_t, 2>> wanted = {{{1, 2}}, {{3, 4}}};
  const auto check = [](const auto& list, Bytes got) {
    IntelCheckList rows;
    CheckMeasurement(Id::kMrTd, "mrtd", SpansOf(list), got, rows);
    return rows.Take();
  };
  EXPECT_TRUE(check(wanted, {3, 4})[0].passed);
  const auto refused = check(wanted, {3, 5});
  EXPECT_FALSE(refused[0].passed);
  EXPECT_EQ(refused[0].expected, "one of 2 values: 0102, 0304");
  EXPECT_THAT(refused[0].fix, HasSubstr("mrtd of the profile"));
  EXPECT_FALSE(check(wanted, {1, 2, 0})[0].passed);
  // Not compared at all.
  EXPECT_THAT(check(std::vector<std::array<uint8_t, 2>>{}, {1, 2}), IsEmpty());
}

}  // namespace
}  // namespace constellation::attestation
