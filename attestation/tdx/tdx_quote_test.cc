// SPDX-License-Identifier: Apache-2.0
// One value per policy row that the policy does not allow; the words for
// operators are pinned.
#include "attestation/tdx/tdx_quote.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/intel/testing/intel_vectors.h"
#include "attestation/intel/testing/synthetic.h"
#include "attestation/testing/vectors.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::FailedChecks;
using ::constellation::testing::FixOf;
using ::constellation::testing::GotOf;
using ::constellation::testing::IntelQuoteCase;
using ::constellation::testing::IntelQuoteCases;
using ::constellation::testing::IntelSigner;
using ::constellation::testing::IntelTestBody;
using ::constellation::testing::IntelTestEvidence;
using ::constellation::testing::IntelTestQuote;
using ::constellation::testing::IntelTestTcbInfo;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::kSyntheticNow;
using ::constellation::testing::ProductionAnchors;
using ::constellation::testing::StatusIs;
using ::constellation::testing::SyntheticAnchors;
using ::constellation::testing::SyntheticCollateral;
using ::constellation::testing::VectorsFolder;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Id = IntelCheckId;

const IntelSigner& Signer() {
  return IntelSigner::Get();
}

std::string ExpectedOf(const std::vector<IntelCheck>& rows, Id id) {
  for (const IntelCheck& row : rows) {
    if (row.id == id) {
      return row.expected;
    }
  }
  return "";
}

class TdxQuoteTest : public ::testing::Test {
 protected:
  TdxQuoteTest() {
    quote_.td.mr_td.fill(0x11);
    quote_.td.report_data.fill(0x22);
    policy_.tcb.accepted_statuses = {TcbStatus::kUpToDate};
    policy_.tcb.minimum_evaluation_data_number = 18;
    policy_.tcb.insecure_roots = {Signer().RootSpkiSha256()};
    policy_.mr_td = {quote_.td.mr_td};
    policy_.report_data = quote_.td.report_data;
  }
  TdxQuoteVerification Check() const {
    IntelTestEvidence evidence = Signer().Make(quote_);
    evidence.tcb_info = Signer().MakeTcbInfo(info_);
    const auto collateral =
        CheckIntelCollateral(SyntheticCollateral(evidence), SyntheticAnchors(),
                             kSyntheticNow)
            .collateral.value();
    auto result = CheckTdxQuote(evidence.quote, collateral, SyntheticAnchors(),
                                {.now = now_}, policy_);
    EXPECT_EQ(result.quote.has_value(), FailedChecks(result.checks).empty());
    return result;
  }
  std::vector<Id> Failed() const { return FailedChecks(Check().checks); }

  IntelTestQuote quote_;
  IntelTestTcbInfo info_;
  TdxPolicy policy_;
  absl::Time now_ = kSyntheticNow;
};

TEST_F(TdxQuoteTest, AcceptsWhatThePolicyDemands) {
  const auto result = Check();
  ASSERT_TRUE(result.quote.has_value())
      << FirstFailure(result.checks, "TDX quote").ToString();
  EXPECT_EQ(result.quote->report().mr_td, policy_.mr_td[0]);
  EXPECT_EQ(result.quote->quote().tcb().status, TcbStatus::kUpToDate);
}

TEST_F(TdxQuoteTest, RefusesIncompletePolicy) {
  policy_ = {};
  const auto result = Check();
  EXPECT_EQ(GotOf(result.checks, Id::kPolicyComplete),
            "missing: acceptedStatuses, minimumEvaluationDataNumber, mrtd, "
            "report data");
  EXPECT_EQ(FixOf(result.checks, Id::kPolicyComplete),
            "complete the profile; nothing is assumed in their place");
  EXPECT_THAT(
      FailedChecks(result.checks),
      ElementsAre(Id::kPolicyComplete, Id::kPolicyRoot, Id::kTcbStatus,
                  Id::kEvaluationDataNumber, Id::kReportData, Id::kMrTd));
  EXPECT_EQ(FirstFailure(result.checks, "TDX quote").code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(TdxQuoteTest, EachMissingValueIsAnError) {
  const TdxPolicy good = policy_;
  policy_.tcb.accepted_statuses.clear();
  EXPECT_THAT(Failed(), Contains(Id::kPolicyComplete));
  policy_ = good;
  policy_.tcb.minimum_evaluation_data_number.reset();
  EXPECT_THAT(Failed(), Contains(Id::kPolicyComplete));
  policy_ = good;
  policy_.mr_td.clear();
  EXPECT_THAT(Failed(), Contains(Id::kPolicyComplete));
  policy_ = good;
  policy_.report_data.reset();
  EXPECT_THAT(Failed(), Contains(Id::kPolicyComplete));
  policy_ = good;
  policy_.tcb.collateral_grace = absl::Hours(-1);
  EXPECT_THAT(Failed(), Contains(Id::kPolicyComplete));
  policy_.tcb.collateral_grace = absl::InfiniteDuration();
  EXPECT_THAT(Failed(), Contains(Id::kPolicyComplete));
}

TEST_F(TdxQuoteTest, RevokedCannotBeAccepted) {
  info_.levels[0].status = "Revoked";
  policy_.tcb.accepted_statuses = {TcbStatus::kUpToDate, TcbStatus::kRevoked,
                                   TcbStatus::kNotSupported};
  const auto result = Check();
  EXPECT_THAT(FailedChecks(result.checks),
              ElementsAre(Id::kPolicyComplete, Id::kTcbStatus));
  EXPECT_THAT(FixOf(result.checks, Id::kTcbStatus),
              HasSubstr("the platform's keys are compromised"));
}

TEST_F(TdxQuoteTest, RefusesRootThatThePolicyDoesNotName) {
  policy_.tcb.insecure_roots.clear();
  const auto result = Check();
  EXPECT_THAT(FailedChecks(result.checks), ElementsAre(Id::kPolicyRoot));
  EXPECT_EQ(ExpectedOf(result.checks, Id::kPolicyRoot), "Intel SGX Root CA");
  EXPECT_THAT(FixOf(result.checks, Id::kPolicyRoot),
              HasSubstr("the platform is not Intel's: refuse the node"));
}

TEST_F(TdxQuoteTest, RefusesStatusInAnOperatorsWords) {
  quote_.td.tee_tcb_svn[0] = 5;  // the module's second level
  const auto result = Check();
  EXPECT_THAT(FailedChecks(result.checks), ElementsAre(Id::kTcbStatus));
  EXPECT_EQ(ExpectedOf(result.checks, Id::kTcbStatus), "one of UpToDate");
  EXPECT_EQ(GotOf(result.checks, Id::kTcbStatus),
            "OutOfDate (platform UpToDate of 2023-08-09, TDX module TDX_01 "
            "OutOfDate, QE UpToDate)");
  EXPECT_EQ(FixOf(result.checks, Id::kTcbStatus),
            "update the host's BIOS, microcode and TDX module, or add "
            "OutOfDate to acceptedStatuses of the profile");
  EXPECT_EQ(FirstFailure(result.checks, "TDX quote").code(),
            absl::StatusCode::kPermissionDenied);
  policy_.tcb.accepted_statuses.push_back(TcbStatus::kOutOfDate);
  EXPECT_THAT(Failed(), IsEmpty());
}

TEST_F(TdxQuoteTest, AdvisesRelaunch) {
  quote_.version = 5;
  quote_.body = IntelTestBody::kTd15;
  quote_.td.tee_tcb_svn[0] = 5;
  const auto result = Check();
  EXPECT_THAT(GotOf(result.checks, Id::kTcbStatus),
              HasSubstr("TDRelaunchAdvised (platform UpToDate"));
  EXPECT_EQ(FixOf(result.checks, Id::kTcbStatus),
            "stop and start the VM: the host's TDX module was updated while it "
            "ran, or add TDRelaunchAdvised to acceptedStatuses of the profile");
}

TEST_F(TdxQuoteTest, RefusesAdvisories) {
  info_.levels[0].advisories = {"INTEL-SA-00837", "INTEL-SA-00960"};
  info_.modules[0].levels[0].advisories = {"INTEL-SA-01036"};
  const auto result = Check();
  EXPECT_THAT(FailedChecks(result.checks), ElementsAre(Id::kAdvisories));
  EXPECT_EQ(GotOf(result.checks, Id::kAdvisories),
            "INTEL-SA-00837, INTEL-SA-00960, INTEL-SA-01036");
  EXPECT_THAT(FixOf(result.checks, Id::kAdvisories),
              HasSubstr("acceptedAdvisories"));
  policy_.tcb.accepted_advisories = {"INTEL-SA-00837", "INTEL-SA-01036"};
  EXPECT_EQ(GotOf(Check().checks, Id::kAdvisories), "INTEL-SA-00960");
  policy_.tcb.accepted_advisories.emplace_back("INTEL-SA-00960");
  EXPECT_THAT(Failed(), IsEmpty());
  policy_.tcb.accepted_advisories.clear();
  policy_.tcb.accept_any_advisory = true;
  EXPECT_THAT(Failed(), IsEmpty());
}

TEST_F(TdxQuoteTest, RefusesOldEvaluation) {
  policy_.tcb.minimum_evaluation_data_number = 19;
  const auto result = Check();
  EXPECT_THAT(FailedChecks(result.checks),
              ElementsAre(Id::kEvaluationDataNumber));
  EXPECT_EQ(ExpectedOf(result.checks, Id::kEvaluationDataNumber),
            "at least 19");
  EXPECT_EQ(FixOf(result.checks, Id::kEvaluationDataNumber),
            "fetch newer collateral, or lower minimumEvaluationDataNumber of "
            "the profile");
}

TEST_F(TdxQuoteTest, RefusesDebug) {
  quote_.td.td_attributes |= TdReport::kDebug;
  const auto result = Check();
  EXPECT_THAT(FailedChecks(result.checks), ElementsAre(Id::kDebug));
  EXPECT_EQ(FixOf(result.checks, Id::kDebug),
            "the host can read a debug TD's memory: start it without debug");
  policy_.allow_debug = true;
  EXPECT_THAT(Failed(), IsEmpty());
}

TEST_F(TdxQuoteTest, RefusesOtherAttributesThatOpenTheTd) {
  for (int bit = 1; bit < 8; ++bit) {
    quote_.td.td_attributes = TdReport::kSeptVeDisable | (1U << bit);
    EXPECT_THAT(Failed(), ElementsAre(Id::kTdReserved)) << bit;
  }
  quote_.td.td_attributes = TdReport::kSeptVeDisable | TdReport::kMigratable;
  EXPECT_THAT(FixOf(Check().checks, Id::kTdReserved),
              HasSubstr("a migratable TD may leave the machine"));
  policy_.allow_migratable = true;
  EXPECT_THAT(Failed(), IsEmpty());
  quote_.td.td_attributes = TdReport::kSeptVeDisable | TdReport::kPerfmon |
                            TdReport::kProtectionKeys | TdReport::kKeyLocker;
  EXPECT_THAT(Failed(), IsEmpty());
}

TEST_F(TdxQuoteTest, DemandsSeptVeDisable) {
  quote_.td.td_attributes = 0;
  const auto result = Check();
  EXPECT_THAT(FailedChecks(result.checks), ElementsAre(Id::kSeptVeDisable));
  EXPECT_THAT(FixOf(result.checks, Id::kSeptVeDisable),
              HasSubstr("requireSeptVeDisable"));
  policy_.require_sept_ve_disable = false;
  EXPECT_THAT(Failed(), IsEmpty());
}

TEST_F(TdxQuoteTest, ComparesXfam) {
  policy_.xfam = {0x61ae7, 0xe7};
  EXPECT_THAT(Failed(), IsEmpty());
  policy_.xfam = {0x61ae7, 0x3};
  const auto result = Check();
  EXPECT_THAT(FailedChecks(result.checks), ElementsAre(Id::kXfam));
  EXPECT_EQ(ExpectedOf(result.checks, Id::kXfam), "one of 0x61ae7, 0x3");
  EXPECT_EQ(GotOf(result.checks, Id::kXfam), "0xe7");
}

TEST_F(TdxQuoteTest, RefusesOtherReportData) {
  (*policy_.report_data)[63] ^= 1U;
  const auto result = Check();
  EXPECT_THAT(FailedChecks(result.checks), ElementsAre(Id::kReportData));
  EXPECT_THAT(FixOf(result.checks, Id::kReportData),
              HasSubstr("made for another connection or at another time"));
}

// Every register: equal passes, one of several passes, another fails.
TEST_F(TdxQuoteTest, ComparesEachMeasurement) {
  struct Field {
    Id id;
    crypto::Sha384Digest* actual;
    std::vector<IntelMeasurement>* wanted;
  };
  auto& td = quote_.td;
  for (const Field& field : {
           Field{Id::kMrTd, &td.mr_td, &policy_.mr_td},
           Field{Id::kMrSeam, &td.mr_seam, &policy_.mr_seam},
           Field{Id::kMrConfigId, &td.mr_config_id, &policy_.mr_config_id},
           Field{Id::kMrOwner, &td.mr_owner, &policy_.mr_owner},
           Field{Id::kMrOwnerConfig, &td.mr_owner_config,
                 &policy_.mr_owner_config},
           Field{Id::kRtmr0, &td.rtmr[0], &policy_.rtmr[0]},
           Field{Id::kRtmr1, &td.rtmr[1], &policy_.rtmr[1]},
           Field{Id::kRtmr2, &td.rtmr[2], &policy_.rtmr[2]},
           Field{Id::kRtmr3, &td.rtmr[3], &policy_.rtmr[3]},
       }) {
    SCOPED_TRACE(ToString(field.id));
    field.actual->fill(0x33);
    *field.wanted = {IntelMeasurement{}, *field.actual};
    EXPECT_THAT(Failed(), IsEmpty());
    (*field.actual)[47] ^= 1U;
    EXPECT_THAT(Failed(), ElementsAre(field.id));
    *field.wanted = {*field.actual};
    EXPECT_THAT(Failed(), IsEmpty());
  }
  policy_.mr_signer_seam = {IntelMeasurement{1}};
  const auto result = Check();
  EXPECT_THAT(FailedChecks(result.checks), ElementsAre(Id::kMrSignerSeam));
  EXPECT_EQ(FixOf(result.checks, Id::kMrSignerSeam),
            "another image, firmware or configuration runs: refuse the node, "
            "or add the value to mrsignerseam of the profile if it is yours");
}

TEST_F(TdxQuoteTest, RefusesSgxQuote) {
  IntelTestQuote sgx;
  sgx.version = 3;
  sgx.body = IntelTestBody::kSgx;
  const IntelTestEvidence evidence = Signer().Make(sgx);
  const auto collateral =
      CheckIntelCollateral(SyntheticCollateral(evidence), SyntheticAnchors(),
                           kSyntheticNow)
          .collateral.value();
  const auto result = CheckTdxQuote(evidence.quote, collateral,
                                    SyntheticAnchors(), {.now = now_}, policy_);
  EXPECT_FALSE(result.quote.has_value());
  EXPECT_EQ(GotOf(result.checks, Id::kDebug),
            "not available: it is an SGX quote");
}

// The rows of the report are there, as failed, whatever the octets are.
TEST_F(TdxQuoteTest, RefusesWhatIsNoQuote) {
  const IntelTestEvidence evidence = Signer().Make(quote_);
  const auto collateral =
      CheckIntelCollateral(SyntheticCollateral(evidence), SyntheticAnchors(),
                           kSyntheticNow)
          .collateral.value();
  const Bytes cut(evidence.quote.begin(), evidence.quote.begin() + 700);
  for (const Bytes& octets : {Bytes(), Bytes(64, 0x04), cut}) {
    const auto result = CheckTdxQuote(octets, collateral, SyntheticAnchors(),
                                      {.now = now_}, policy_);
    EXPECT_FALSE(result.quote.has_value());
    for (const Id id : {Id::kDebug, Id::kReportData, Id::kMrTd}) {
      EXPECT_EQ(GotOf(result.checks, id), "not available: no quote");
      EXPECT_THAT(FailedChecks(result.checks), Contains(id));
    }
    // Nor is anything said of its platform.
    for (const Id id : {Id::kPolicyRoot, Id::kTcbStatus, Id::kAdvisories}) {
      EXPECT_THAT(GotOf(result.checks, id), HasSubstr("not available: "));
      EXPECT_THAT(FailedChecks(result.checks), Contains(id));
    }
    EXPECT_THAT(VerifyTdxQuote(octets, collateral, SyntheticAnchors(),
                               {.now = now_}, policy_),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST_F(TdxQuoteTest, GraceIsThePolicys) {
  info_.next_update = kSyntheticNow;
  now_ = kSyntheticNow + absl::Hours(2);
  EXPECT_THAT(Failed(), Contains(Id::kCollateralDates));
  policy_.tcb.collateral_grace = absl::Hours(2);
  EXPECT_THAT(Failed(), IsEmpty());
}

TEST_F(TdxQuoteTest, StatusFunctionGivesTheFirstFailure) {
  const IntelTestEvidence evidence = Signer().Make(quote_);
  const auto collateral =
      CheckIntelCollateral(SyntheticCollateral(evidence), SyntheticAnchors(),
                           kSyntheticNow)
          .collateral.value();
  EXPECT_TRUE(VerifyTdxQuote(evidence.quote, collateral, SyntheticAnchors(),
                             {.now = now_}, policy_)
                  .ok());
  policy_.mr_td[0][0] ^= 1U;
  EXPECT_THAT(VerifyTdxQuote(evidence.quote, collateral, SyntheticAnchors(),
                             {.now = now_}, policy_),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("TDX quote: MRTD: expected 1011")));
}

// Every real TDX quote, under a policy made for it: only debug, and handlers
// for pages that were taken away, are refused.
TEST(TdxVectorsTest, AreAcceptedUnlessDebug) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  int debug = 0;
  for (const IntelQuoteCase& each : IntelQuoteCases(IntelTee::kTdx)) {
    SCOPED_TRACE(each.name);
    const auto report = ParseTdReportUnverified(
                            ParseIntelQuoteUnverified(each.quote).value().body)
                            .value();
    TdxPolicy policy;
    policy.tcb.accepted_statuses = {each.status};
    policy.tcb.accept_any_advisory = true;
    policy.tcb.minimum_evaluation_data_number = 1;
    policy.mr_td = {report.mr_td};
    policy.report_data = report.report_data;
    policy.allow_migratable = true;
    const auto result =
        CheckTdxQuote(each.quote, each.collateral, ProductionAnchors(),
                      {.now = each.now}, policy);
    std::vector<Id> refused;
    if (each.expect["td_debug"].get<bool>()) {
      refused.push_back(Id::kDebug);
      ++debug;
    }
    if (!each.expect["sept_ve_disable"].get<bool>()) {
      refused.push_back(Id::kSeptVeDisable);
    }
    EXPECT_EQ(FailedChecks(result.checks), refused)
        << FirstFailure(result.checks, "TDX quote").ToString();
  }
  EXPECT_GT(debug, 0);
}

}  // namespace
}  // namespace constellation::attestation
