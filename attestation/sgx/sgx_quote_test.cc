// SPDX-License-Identifier: Apache-2.0
// One value per policy row that the policy does not allow; the words for
// operators are pinned.
#include "attestation/sgx/sgx_quote.h"

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

class SgxQuoteTest : public ::testing::Test {
 protected:
  SgxQuoteTest() {
    quote_.version = 3;
    quote_.body = IntelTestBody::kSgx;
    quote_.sgx.mr_enclave.fill(0x11);
    quote_.sgx.mr_signer.fill(0x22);
    quote_.sgx.isv_prod_id = 7;
    quote_.sgx.isv_svn = 3;
    quote_.sgx.report_data.fill(0x33);
    policy_.tcb.accepted_statuses = {TcbStatus::kUpToDate};
    policy_.tcb.minimum_evaluation_data_number = 18;
    policy_.tcb.insecure_roots = {Signer().RootSpkiSha256()};
    policy_.report_data = quote_.sgx.report_data;
    policy_.mr_signer = {quote_.sgx.mr_signer};
    policy_.isv_prod_id = 7;
    policy_.minimum_isv_svn = 3;
  }
  SgxQuoteVerification Check() const {
    const IntelTestEvidence evidence = Signer().Make(quote_);
    const auto collateral =
        CheckIntelCollateral(SyntheticCollateral(evidence), SyntheticAnchors(),
                             kSyntheticNow)
            .collateral.value();
    auto result = CheckSgxQuote(evidence.quote, collateral, SyntheticAnchors(),
                                {.now = kSyntheticNow}, policy_);
    EXPECT_EQ(result.quote.has_value(), FailedChecks(result.checks).empty());
    return result;
  }
  std::vector<Id> Failed() const { return FailedChecks(Check().checks); }

  IntelTestQuote quote_;
  SgxPolicy policy_;
};

TEST_F(SgxQuoteTest, AcceptsWhatThePolicyDemands) {
  const auto result = Check();
  ASSERT_TRUE(result.quote.has_value())
      << FirstFailure(result.checks, "SGX quote").ToString();
  EXPECT_EQ(result.quote->report().isv_prod_id, 7);
  EXPECT_EQ(result.quote->quote().tcb().status, TcbStatus::kUpToDate);
}

TEST_F(SgxQuoteTest, AcceptsOneBuildByItsMeasurementAlone) {
  policy_.mr_signer.clear();
  policy_.isv_prod_id.reset();
  policy_.minimum_isv_svn.reset();
  policy_.mr_enclave = {quote_.sgx.mr_enclave};
  EXPECT_THAT(Failed(), IsEmpty());
  quote_.version = 4;
  EXPECT_THAT(Failed(), IsEmpty());
  quote_.version = 5;
  EXPECT_THAT(Failed(), IsEmpty());
}

TEST_F(SgxQuoteTest, RefusesIncompletePolicy) {
  policy_ = {};
  const auto result = Check();
  EXPECT_EQ(GotOf(result.checks, Id::kPolicyComplete),
            "missing: acceptedStatuses, minimumEvaluationDataNumber, report "
            "data, mrenclave or mrsigner");
  EXPECT_EQ(FirstFailure(result.checks, "SGX quote").code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(SgxQuoteTest, MakerAloneIsNotEnough) {
  policy_.isv_prod_id.reset();
  EXPECT_EQ(GotOf(Check().checks, Id::kPolicyComplete), "missing: isvprodid");
  policy_.isv_prod_id = 7;
  policy_.minimum_isv_svn.reset();
  EXPECT_EQ(GotOf(Check().checks, Id::kPolicyComplete),
            "missing: minimumISVSVN");
}

TEST_F(SgxQuoteTest, RefusesDebug) {
  quote_.sgx.attributes[0] |= 2U;
  const auto result = Check();
  EXPECT_THAT(FailedChecks(result.checks), ElementsAre(Id::kDebug));
  EXPECT_EQ(FixOf(result.checks, Id::kDebug),
            "the host can read a debug enclave's memory: build and start it "
            "without debug");
  policy_.allow_debug = true;
  EXPECT_THAT(Failed(), IsEmpty());
}

TEST_F(SgxQuoteTest, ComparesEachValue) {
  policy_.mr_enclave = {quote_.sgx.mr_enclave};
  EXPECT_THAT(Failed(), IsEmpty());
  policy_.mr_enclave[0][31] ^= 1U;
  EXPECT_THAT(Failed(), ElementsAre(Id::kMrEnclave));
  policy_.mr_enclave.clear();
  policy_.mr_signer[0][0] ^= 1U;
  EXPECT_THAT(Failed(), ElementsAre(Id::kMrSigner));
  policy_.mr_signer.push_back(quote_.sgx.mr_signer);
  EXPECT_THAT(Failed(), IsEmpty());
  policy_.isv_prod_id = 8;
  EXPECT_THAT(Failed(), ElementsAre(Id::kIsvProdId));
  policy_.isv_prod_id = 7;
  policy_.minimum_isv_svn = 4;
  const auto result = Check();
  EXPECT_THAT(FailedChecks(result.checks), ElementsAre(Id::kIsvSvn));
  EXPECT_EQ(FixOf(result.checks, Id::kIsvSvn),
            "update the enclave, or lower minimumISVSVN of the profile");
  policy_.minimum_isv_svn = 0;
  (*policy_.report_data)[0] ^= 1U;
  EXPECT_THAT(Failed(), ElementsAre(Id::kReportData));
}

TEST_F(SgxQuoteTest, RefusesRootThatThePolicyDoesNotName) {
  policy_.tcb.insecure_roots.clear();
  EXPECT_THAT(Failed(), ElementsAre(Id::kPolicyRoot));
}

TEST_F(SgxQuoteTest, RefusesTdxQuote) {
  const IntelTestEvidence evidence = Signer().Make();
  const auto collateral =
      CheckIntelCollateral(SyntheticCollateral(evidence), SyntheticAnchors(),
                           kSyntheticNow)
          .collateral.value();
  const auto result =
      CheckSgxQuote(evidence.quote, collateral, SyntheticAnchors(),
                    {.now = kSyntheticNow}, policy_);
  EXPECT_FALSE(result.quote.has_value());
  EXPECT_THAT(FailedChecks(result.checks), Contains(Id::kMrEnclave));
  EXPECT_EQ(GotOf(result.checks, Id::kDebug),
            "not available: it is a TDX quote");
}

TEST_F(SgxQuoteTest, RefusesWhatIsNoQuote) {
  const IntelTestEvidence evidence = Signer().Make(quote_);
  const auto collateral =
      CheckIntelCollateral(SyntheticCollateral(evidence), SyntheticAnchors(),
                           kSyntheticNow)
          .collateral.value();
  const Bytes cut(evidence.quote.begin(), evidence.quote.begin() + 440);
  for (const Bytes& octets : {Bytes(), Bytes(64, 0x03), cut}) {
    const auto result = CheckSgxQuote(octets, collateral, SyntheticAnchors(),
                                      {.now = kSyntheticNow}, policy_);
    EXPECT_FALSE(result.quote.has_value());
    for (const Id id : {Id::kDebug, Id::kReportData, Id::kMrEnclave}) {
      EXPECT_EQ(GotOf(result.checks, id), "not available: no quote");
      EXPECT_THAT(FailedChecks(result.checks), Contains(id));
    }
    EXPECT_THAT(VerifySgxQuote(octets, collateral, SyntheticAnchors(),
                               {.now = kSyntheticNow}, policy_),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST_F(SgxQuoteTest, StatusFunctionGivesTheFirstFailure) {
  const IntelTestEvidence evidence = Signer().Make(quote_);
  const auto collateral =
      CheckIntelCollateral(SyntheticCollateral(evidence), SyntheticAnchors(),
                           kSyntheticNow)
          .collateral.value();
  const IntelVerificationOptions options = {.now = kSyntheticNow};
  EXPECT_TRUE(VerifySgxQuote(evidence.quote, collateral, SyntheticAnchors(),
                             options, policy_)
                  .ok());
  policy_.isv_prod_id = 1;
  EXPECT_THAT(VerifySgxQuote(evidence.quote, collateral, SyntheticAnchors(),
                             options, policy_),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("SGX quote: ISVPRODID: expected 1, got 7; "
                                 "another enclave of the same maker runs")));
}

// Every real SGX quote, under a policy made for it.
TEST(SgxVectorsTest, AreAcceptedUnlessDebug) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  int accepted = 0;
  int debug = 0;
  for (const IntelQuoteCase& each : IntelQuoteCases(IntelTee::kSgx)) {
    SCOPED_TRACE(each.name);
    const auto report = ParseEnclaveReportUnverified(
                            ParseIntelQuoteUnverified(each.quote).value().body)
                            .value();
    SgxPolicy policy;
    policy.tcb.accepted_statuses = {each.status};
    policy.tcb.accept_any_advisory = true;
    policy.tcb.minimum_evaluation_data_number = 1;
    policy.report_data = report.report_data;
    policy.mr_enclave = {report.mr_enclave};
    const auto result =
        CheckSgxQuote(each.quote, each.collateral, ProductionAnchors(),
                      {.now = each.now}, policy);
    if (each.expect["enclave_debug"].get<bool>()) {
      EXPECT_THAT(FailedChecks(result.checks), ElementsAre(Id::kDebug));
      ++debug;
    } else {
      EXPECT_TRUE(result.quote.has_value())
          << FirstFailure(result.checks, "SGX quote").ToString();
      ++accepted;
    }
  }
  EXPECT_GT(accepted, 2);
  EXPECT_GT(debug, 0);
}

}  // namespace
}  // namespace constellation::attestation
