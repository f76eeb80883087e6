// SPDX-License-Identifier: Apache-2.0
// One spoilt field per check, in evidence that is good otherwise: each test
// fails if its check is removed.
#include "attestation/intel/quote_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "attestation/intel/testing/intel_vectors.h"
#include "attestation/intel/testing/synthetic.h"
#include "attestation/testing/test_keys.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::CheckSynthetic;
using ::constellation::testing::FailedChecks;
using ::constellation::testing::FixOf;
using ::constellation::testing::GotOf;
using ::constellation::testing::IntelSigner;
using ::constellation::testing::IntelTestBody;
using ::constellation::testing::IntelTestEvidence;
using ::constellation::testing::IntelTestIdentity;
using ::constellation::testing::IntelTestModule;
using ::constellation::testing::IntelTestPck;
using ::constellation::testing::IntelTestQuote;
using ::constellation::testing::IntelTestTcbInfo;
using ::constellation::testing::kSyntheticNow;
using ::constellation::testing::ProductionAnchors;
using ::constellation::testing::Revoking;
using ::constellation::testing::SgxTestReport;
using ::constellation::testing::StatusIs;
using ::constellation::testing::SyntheticAnchors;
using ::constellation::testing::SyntheticCollateral;
using ::constellation::testing::TestQeReport;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Id = IntelCheckId;

const IntelSigner& Signer() {
  return IntelSigner::Get();
}

IntelTestQuote QuoteOf(uint16_t version, IntelTestBody body) {
  IntelTestQuote quote;
  quote.version = version;
  quote.body = body;
  return quote;
}

// The rows that fail for a quote, by itself good collateral.
std::vector<Id> FailedFor(const IntelTestQuote& quote,
                          const IntelTestPck& pck = {}) {
  const auto result = CheckSynthetic(Signer().Make(quote, pck));
  EXPECT_EQ(result.quote.has_value(), FailedChecks(result.checks).empty());
  return FailedChecks(result.checks);
}

TEST(QuoteVerifierTest, AcceptsEveryVersionAndBody) {
  for (const auto& [version, body] : {
           std::pair<uint16_t, IntelTestBody>{3, IntelTestBody::kSgx},
           {4, IntelTestBody::kSgx},
           {4, IntelTestBody::kTd10},
           {5, IntelTestBody::kSgx},
           {5, IntelTestBody::kTd10},
           {5, IntelTestBody::kTd15},
       }) {
    const auto result = CheckSynthetic(Signer().Make(QuoteOf(version, body)));
    ASSERT_TRUE(result.quote.has_value())
        << version << FirstFailure(result.checks, "quote").ToString();
    EXPECT_EQ(result.quote->quote().version(), version);
    EXPECT_EQ(result.quote->tcb().status, TcbStatus::kUpToDate);
    EXPECT_EQ(result.quote->quote().td_report() == nullptr,
              body == IntelTestBody::kSgx);
    EXPECT_EQ(result.quote->evaluation_data_number(), 18U);
    EXPECT_FALSE(result.quote->quote().root().is_intel);
    EXPECT_EQ(result.quote->expires_at(), testing::kTestNotAfter);
  }
}

TEST(QuoteVerifierTest, EveryCheckHasARowAlsoIfNothingParses) {
  const auto good = CheckSynthetic(Signer().Make());
  IntelTestEvidence evidence = Signer().Make();
  evidence.quote = Bytes(100, 0);
  const auto bad = CheckSynthetic(evidence);
  ASSERT_EQ(good.checks.size(), bad.checks.size());
  for (size_t i = 0; i < good.checks.size(); ++i) {
    EXPECT_EQ(good.checks[i].id, bad.checks[i].id);
    EXPECT_FALSE(good.checks[i].expected.empty());
  }
  EXPECT_FALSE(bad.quote.has_value());
  EXPECT_THAT(FirstFailure(bad.checks, "Intel quote"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("Intel quote: quote format: expected quote of "
                                 "version 3, 4 or 5, got version at offset 0: "
                                 "want 3, 4 or 5, got 0; give the quote")));
}

TEST(QuoteVerifierTest, RefusesOtherKeyType) {
  IntelTestQuote quote;
  quote.key_type = 3;
  EXPECT_THAT(FailedFor(quote), ElementsAre(Id::kAttestationKeyType));
}

TEST(QuoteVerifierTest, RefusesOtherVendorsQuotingEnclave) {
  IntelTestQuote quote;
  quote.qe_vendor_id[15] ^= 1U;
  EXPECT_THAT(FailedFor(quote), ElementsAre(Id::kQeVendor));
}

TEST(QuoteVerifierTest, RefusesChangedBody) {
  IntelTestEvidence evidence = Signer().Make();
  evidence.quote[48 + 520] ^= 1U;  // report data
  const auto result = CheckSynthetic(evidence);
  EXPECT_THAT(FailedChecks(result.checks), ElementsAre(Id::kQuoteSignature));
  EXPECT_THAT(FixOf(result.checks, Id::kQuoteSignature),
              HasSubstr("was altered"));
}

TEST(QuoteVerifierTest, SignatureCoversBodyTypeAndSize) {
  IntelTestEvidence evidence = Signer().Make(QuoteOf(5, IntelTestBody::kTd10));
  evidence.quote[30] ^= 1U;  // user data in the header
  EXPECT_THAT(FailedChecks(CheckSynthetic(evidence).checks),
              ElementsAre(Id::kQuoteSignature));
}

TEST(QuoteVerifierTest, RefusesKeyThatTheQeReportDoesNotName) {
  IntelTestQuote quote;
  quote.qe_report_data.emplace();
  EXPECT_THAT(FailedFor(quote), ElementsAre(Id::kQeBinding));
}

TEST(QuoteVerifierTest, RefusesMoreThanTheBindingInQeReportData) {
  const auto good = CheckSynthetic(Signer().Make());
  IntelTestQuote quote;
  quote.qe_report_data = good.quote->quote().qe_report().report_data;
  EXPECT_THAT(FailedFor(quote), IsEmpty());
  (*quote.qe_report_data)[63] = 1;
  EXPECT_THAT(FailedFor(quote), ElementsAre(Id::kQeBinding));
}

TEST(QuoteVerifierTest, RefusesQeReportOfAnotherPlatform) {
  IntelTestEvidence evidence = Signer().Make();
  const auto parsed = ParseIntelQuoteUnverified(evidence.quote).value();
  const auto offset = static_cast<size_t>(parsed.qe_report_signature.data() -
                                          evidence.quote.data());
  evidence.quote[offset + 40] ^= 1U;
  EXPECT_THAT(FailedChecks(CheckSynthetic(evidence).checks),
              ElementsAre(Id::kQeReportSignature));
}

TEST(QuoteVerifierTest, RefusesChainOfUntrustedRoot) {
  const IntelSigner other;
  IntelTestEvidence evidence = Signer().Make();
  evidence.quote = other.MakeQuote();
  const auto result = CheckSynthetic(evidence);
  EXPECT_THAT(FailedChecks(result.checks), Contains(Id::kPckChain));
  EXPECT_THAT(GotOf(result.checks, Id::kPckChain), HasSubstr("is not trusted"));
  EXPECT_FALSE(result.quote.has_value());
}

TEST(QuoteVerifierTest, RefusesTestRootInProduction) {
  const auto result = CheckIntelQuoteChain(
      Signer().MakeQuote(), ProductionAnchors(), {.now = kSyntheticNow});
  EXPECT_FALSE(result.quote.has_value());
  EXPECT_THAT(FailedChecks(result.checks), Contains(Id::kPckChain));
}

// The chain's root is optional; what signs the CA is not.
TEST(QuoteVerifierTest, AcceptsChainWithoutRoot) {
  IntelTestQuote quote;
  const std::string pem = testing::PemOf(Signer().MakePck()) +
                          testing::PemOf(Signer().pck_ca(true));
  quote.certification_data = Bytes(pem.begin(), pem.end());
  EXPECT_THAT(FailedFor(quote), IsEmpty());
}

TEST(QuoteVerifierTest, AcceptsDerAndNulTerminatedPemInAnyOrder) {
  IntelTestQuote quote;
  quote.certification_data = crypto::testing::Join(
      {Signer().root(), Signer().pck_ca(true), Signer().MakePck()});
  EXPECT_THAT(FailedFor(quote), IsEmpty());
  std::string pem = Signer().PckChainPem();
  pem += '\0';
  quote.certification_data = Bytes(pem.begin(), pem.end());
  EXPECT_THAT(FailedFor(quote), IsEmpty());
}

TEST(QuoteVerifierTest, RefusesChainWithTwoLeaves) {
  IntelTestQuote quote;
  IntelTestPck other;
  other.serial = {9};
  const std::string pem =
      Signer().PckChainPem() + testing::PemOf(Signer().MakePck(other));
  quote.certification_data = Bytes(pem.begin(), pem.end());
  EXPECT_THAT(FailedFor(quote), Contains(Id::kPckChain));
}

TEST(QuoteVerifierTest, RefusesLeafOfAnotherCa) {
  IntelTestQuote quote;
  const std::string pem = testing::PemOf(Signer().MakePck()) +
                          testing::PemOf(Signer().pck_ca(false)) +
                          testing::PemOf(Signer().root());
  quote.certification_data = Bytes(pem.begin(), pem.end());
  const auto result = CheckSynthetic(Signer().Make(quote));
  EXPECT_THAT(GotOf(result.checks, Id::kPckChain), HasSubstr("issued by"));
  // The same with the name that the CA has: then the signature tells.
  IntelTestPck pck;
  pck.issuer = "Intel SGX PCK Processor CA";
  const std::string named = testing::PemOf(Signer().MakePck(pck)) +
                            testing::PemOf(Signer().pck_ca(false));
  quote.certification_data = Bytes(named.begin(), named.end());
  const auto unsigned_by = CheckSynthetic(Signer().Make(quote));
  EXPECT_THAT(GotOf(unsigned_by.checks, Id::kPckChain),
              HasSubstr("not signed by its CA"));
}

TEST(QuoteVerifierTest, RefusesLeafWithAnotherName) {
  IntelTestPck pck;
  pck.subject = "Intel SGX TCB Signing";
  const auto result = CheckSynthetic(Signer().Make({}, pck));
  EXPECT_THAT(GotOf(result.checks, Id::kPckChain),
              HasSubstr("want the common name \"Intel SGX PCK Certificate\""));
}

TEST(QuoteVerifierTest, RefusesUnknownCriticalExtension) {
  IntelTestPck pck;
  pck.extra = {{.oid = {0x55, 0x1d, 0x1e}, .critical = true, .value = {5, 0}}};
  const auto result = CheckSynthetic(Signer().Make({}, pck));
  EXPECT_THAT(GotOf(result.checks, Id::kPckChain),
              HasSubstr("critical extension 2.5.29.30 is not understood"));
  pck.extra[0].critical = false;
  EXPECT_THAT(FailedFor({}, pck), IsEmpty());
}

TEST(QuoteVerifierTest, RefusesPckWithoutTcb) {
  IntelTestPck pck;
  pck.omitted = {2};
  const auto result = CheckSynthetic(Signer().Make({}, pck));
  EXPECT_THAT(GotOf(result.checks, Id::kPckChain),
              HasSubstr("PCK extension: TCB is missing"));
}

TEST(QuoteVerifierTest, RefusesCertificateOutOfDate) {
  IntelTestPck pck;
  pck.not_after = kSyntheticNow - absl::Seconds(1);
  const auto result = CheckSynthetic(Signer().Make({}, pck));
  EXPECT_THAT(FailedChecks(result.checks), ElementsAre(Id::kPckDates));
  EXPECT_THAT(GotOf(result.checks, Id::kPckDates),
              HasSubstr("not valid after"));
  EXPECT_EQ(FirstFailure(result.checks, "quote").code(),
            absl::StatusCode::kFailedPrecondition);
  pck.not_after = testing::kTestNotAfter;
  pck.not_before = kSyntheticNow + absl::Seconds(1);
  EXPECT_THAT(FailedFor({}, pck), ElementsAre(Id::kPckDates));
}

TEST(QuoteVerifierTest, RefusesRevokedPck) {
  IntelTestEvidence evidence = Signer().Make();
  evidence.pck_crl =
      Signer().MakePckCrl(true, Revoking({{0x11}, IntelTestPck{}.serial}));
  const auto result = CheckSynthetic(evidence);
  EXPECT_THAT(FailedChecks(result.checks), ElementsAre(Id::kRevocation));
  EXPECT_THAT(GotOf(result.checks, Id::kRevocation),
              HasSubstr("PCK certificate 2143 is revoked by"));
}

TEST(QuoteVerifierTest, RefusesRevokedCa) {
  IntelTestEvidence evidence = Signer().Make();
  evidence.root_crl = Signer().MakeRootCrl(Revoking({{2}}));
  const auto result = CheckSynthetic(evidence);
  EXPECT_THAT(FailedChecks(result.checks), ElementsAre(Id::kRevocation));
  EXPECT_THAT(GotOf(result.checks, Id::kRevocation),
              HasSubstr("is revoked by the root"));
}

TEST(QuoteVerifierTest, RefusesListOfTheOtherCa) {
  IntelTestEvidence evidence = Signer().Make();
  evidence.pck_crl = Signer().MakePckCrl(false);
  const auto result = CheckSynthetic(evidence);
  EXPECT_THAT(FailedChecks(result.checks), ElementsAre(Id::kRevocation));
  EXPECT_THAT(GotOf(result.checks, Id::kRevocation),
              HasSubstr("the list is of another issuer"));
}

TEST(QuoteVerifierTest, RefusesListSignedByAnotherKey) {
  const IntelSigner other;
  IntelTestEvidence evidence = Signer().Make();
  evidence.pck_crl = other.MakePckCrl(true);
  EXPECT_THAT(FailedChecks(CheckSynthetic(evidence).checks),
              ElementsAre(Id::kRevocation));
}

TEST(QuoteVerifierTest, RefusesCollateralThatExpiredSinceItWasVerified) {
  IntelTestTcbInfo info;
  info.next_update = kSyntheticNow + absl::Hours(1);
  IntelTestEvidence evidence = Signer().Make();
  evidence.tcb_info = Signer().MakeTcbInfo(info);
  EXPECT_TRUE(CheckSynthetic(evidence, info.next_update).quote.has_value());
  const auto late =
      CheckSynthetic(evidence, info.next_update + absl::Seconds(1));
  EXPECT_THAT(FailedChecks(late.checks), ElementsAre(Id::kCollateralDates));
  EXPECT_EQ(GotOf(late.checks, Id::kCollateralDates),
            "TCB info: valid from 2020-01-01T00:00:00Z to "
            "2026-01-01T01:00:00Z, now 2026-01-01T01:00:01Z");
  EXPECT_THAT(FixOf(late.checks, Id::kCollateralDates),
              HasSubstr("constellation collateral fetch"));
}

TEST(QuoteVerifierTest, GraceExtendsDocumentsButNotCertificates) {
  IntelTestTcbInfo info;
  info.next_update = kSyntheticNow;
  IntelTestEvidence evidence = Signer().Make();
  evidence.tcb_info = Signer().MakeTcbInfo(info);
  const auto collateral =
      CheckIntelCollateral(SyntheticCollateral(evidence), SyntheticAnchors(),
                           kSyntheticNow)
          .collateral.value();
  const auto at = [&](absl::Time now) {
    return FailedChecks(
        CheckIntelQuote(evidence.quote, collateral, SyntheticAnchors(),
                        {.now = now, .collateral_grace = absl::Hours(24)})
            .checks);
  };
  EXPECT_THAT(at(kSyntheticNow + absl::Hours(24)), IsEmpty());
  EXPECT_THAT(at(kSyntheticNow + absl::Hours(25)),
              ElementsAre(Id::kCollateralDates));
  EXPECT_THAT(at(testing::kTestNotAfter + absl::Seconds(1)),
              AllOf(Contains(Id::kPckDates), Contains(Id::kCollateralDates)));
}

TEST(QuoteVerifierTest, RefusesCollateralOfAnotherPlatform) {
  IntelTestTcbInfo info;
  info.fmspc[0] ^= 1U;
  IntelTestEvidence evidence = Signer().Make();
  evidence.tcb_info = Signer().MakeTcbInfo(info);
  const auto result = CheckSynthetic(evidence);
  EXPECT_THAT(FailedChecks(result.checks), ElementsAre(Id::kFmspc));
  EXPECT_EQ(GotOf(result.checks, Id::kFmspc),
            "FMSPC: want 00606a000000, got 01606a000000");
  EXPECT_EQ(result.evaluation_unverified->status, TcbStatus::kNotSupported);
  info = {};
  info.pce_id[1] = 1;
  evidence.tcb_info = Signer().MakeTcbInfo(info);
  EXPECT_THAT(FailedChecks(CheckSynthetic(evidence).checks),
              ElementsAre(Id::kPceId));
}

TEST(QuoteVerifierTest, RefusesCollateralOfAnotherTee) {
  IntelTestEvidence sgx = Signer().Make(QuoteOf(3, IntelTestBody::kSgx));
  IntelTestEvidence evidence = Signer().Make();
  evidence.tcb_info = sgx.tcb_info;
  EXPECT_THAT(FailedChecks(CheckSynthetic(evidence).checks),
              Contains(Id::kTeeMatch));
  evidence = Signer().Make();
  evidence.qe_identity = sgx.qe_identity;
  EXPECT_THAT(FailedChecks(CheckSynthetic(evidence).checks),
              Contains(Id::kTeeMatch));
}

TEST(QuoteVerifierTest, RefusesOtherRootInCollateral) {
  const IntelSigner other;
  const crypto::Certificate roots[] = {
      crypto::Certificate::FromDer(Signer().root()).value(),
      crypto::Certificate::FromDer(other.root()).value()};
  const auto anchors = IntelTrustAnchors::Create(roots).value();
  IntelTestEvidence evidence = Signer().Make();
  const auto collateral =
      CheckIntelCollateral(SyntheticCollateral(other.Make()), anchors,
                           kSyntheticNow)
          .collateral.value();
  const auto result = CheckIntelQuote(evidence.quote, collateral, anchors,
                                      {.now = kSyntheticNow});
  EXPECT_THAT(FailedChecks(result.checks),
              ElementsAre(Id::kSameRoot, Id::kRevocation));
}

TEST(QuoteVerifierTest, RefusesModuleOfAnotherSigner) {
  IntelTestQuote quote;
  quote.td.mr_signer_seam[0] = 1;
  EXPECT_THAT(FailedFor(quote), ElementsAre(Id::kTdxModule));
  quote.td.tee_tcb_svn[1] = 0;  // then tdxModule describes it
  EXPECT_THAT(FailedFor(quote), Contains(Id::kTdxModule));
  quote = {};
  quote.td.seam_attributes = 1;
  EXPECT_THAT(FailedFor(quote), ElementsAre(Id::kTdxModule));
}

TEST(QuoteVerifierTest, RefusesUnknownModule) {
  IntelTestQuote quote;
  quote.td.tee_tcb_svn[1] = 2;
  const auto result = CheckSynthetic(Signer().Make(quote));
  EXPECT_THAT(FailedChecks(result.checks), ElementsAre(Id::kTdxModule));
  EXPECT_EQ(GotOf(result.checks, Id::kTdxModule),
            "the TCB info does not know TDX_02");
}

TEST(QuoteVerifierTest, RefusesQuotingEnclaveThatIntelDoesNotDescribe) {
  const auto failed = [](void (*spoil)(SgxTestReport&)) {
    IntelTestQuote quote;
    quote.qe_report = TestQeReport("TD_QE");
    spoil(*quote.qe_report);
    return FailedFor(quote);
  };
  EXPECT_THAT(failed([](SgxTestReport& qe) { qe.misc_select = 1; }),
              ElementsAre(Id::kQeIdentity));
  EXPECT_THAT(failed([](SgxTestReport& qe) { qe.attributes[0] |= 2U; }),
              ElementsAre(Id::kQeIdentity));  // debug
  EXPECT_THAT(failed([](SgxTestReport& qe) { qe.mr_signer[1] ^= 1U; }),
              ElementsAre(Id::kQeIdentity));
  EXPECT_THAT(failed([](SgxTestReport& qe) { qe.isv_prod_id = 1; }),
              ElementsAre(Id::kQeIdentity));
  EXPECT_THAT(failed([](SgxTestReport& qe) { qe.attributes[8] ^= 4U; }),
              IsEmpty());  // not under the mask
}

TEST(QuoteVerifierTest, RefusesPlatformBelowEveryLevel) {
  IntelTestPck pck;
  pck.components[2] = 1;
  const auto result = CheckSynthetic(Signer().Make({}, pck));
  EXPECT_THAT(FailedChecks(result.checks), ElementsAre(Id::kTcbLevel));
  EXPECT_EQ(GotOf(result.checks, Id::kTcbLevel),
            "SGX components or PCESVN below every level");
  IntelTestQuote quote;
  quote.td.tee_tcb_svn[2] = 1;
  const auto module = CheckSynthetic(Signer().Make(quote));
  EXPECT_THAT(FailedChecks(module.checks), ElementsAre(Id::kTcbLevel));
  EXPECT_THAT(GotOf(module.checks, Id::kTcbLevel), HasSubstr("TDX components"));
}

TEST(QuoteVerifierTest, AcceptsChainFromCollateralForOtherCertificationData) {
  const std::string pem = Signer().PckChainPem();
  for (uint16_t type = 1; type <= 4; ++type) {
    IntelTestQuote quote = QuoteOf(3, IntelTestBody::kSgx);
    quote.certification_type = type;
    quote.certification_data = type == 4 ? Signer().MakePck() : Bytes(34);
    const IntelTestEvidence evidence = Signer().Make(quote);
    EXPECT_THAT(FailedChecks(CheckSynthetic(evidence).checks),
                Contains(Id::kPckChain));
    IntelCollateral parts = SyntheticCollateral(evidence);
    parts.pck_chain = Bytes(pem.begin(), pem.end());
    const auto collateral =
        CheckIntelCollateral(parts, SyntheticAnchors(), kSyntheticNow)
            .collateral.value();
    const auto result = CheckIntelQuote(
        evidence.quote, collateral, SyntheticAnchors(), {.now = kSyntheticNow});
    EXPECT_TRUE(result.quote.has_value()) << type;
  }
}

TEST(QuoteVerifierTest, TellsHowManyBytesLieBehind) {
  IntelTestQuote quote;
  quote.trailing = Bytes(70);
  const auto result = CheckSynthetic(Signer().Make(quote));
  ASSERT_TRUE(result.quote.has_value());
  EXPECT_EQ(result.quote->quote().trailing_size(), 70U);
}

TEST(QuoteVerifierTest, StatusFunctionGivesTheFirstFailure) {
  const IntelTestEvidence evidence = Signer().Make();
  const auto collateral =
      CheckIntelCollateral(SyntheticCollateral(evidence), SyntheticAnchors(),
                           kSyntheticNow)
          .collateral.value();
  const IntelVerificationOptions options = {.now = kSyntheticNow};
  EXPECT_TRUE(
      VerifyIntelQuote(evidence.quote, collateral, SyntheticAnchors(), options)
          .ok());
  Bytes changed = evidence.quote;
  changed[100] ^= 1U;
  EXPECT_THAT(
      VerifyIntelQuote(changed, collateral, SyntheticAnchors(), options),
      StatusIs(absl::StatusCode::kUnauthenticated,
               HasSubstr("Intel quote: quote signature: expected by the "
                         "attestation key over header and body")));
}

// What a warm cache must never do.
class CacheTest : public ::testing::Test {
 protected:
  CacheTest() {
    const auto first = CheckSynthetic(evidence_, kSyntheticNow, &cache_);
    EXPECT_TRUE(first.quote.has_value());
    EXPECT_EQ(cache_.size(), 3U);
  }
  std::vector<Id> Failed(const IntelTestEvidence& evidence,
                         absl::Time now = kSyntheticNow) {
    const auto warm = CheckSynthetic(evidence, now, &cache_);
    const auto cold = CheckSynthetic(evidence, now);
    EXPECT_EQ(FailedChecks(warm.checks), FailedChecks(cold.checks));
    EXPECT_EQ(warm.quote.has_value(), cold.quote.has_value());
    return FailedChecks(warm.checks);
  }
  IntelTestEvidence evidence_ = Signer().Make();
  IntelVerificationCache cache_;
};

TEST_F(CacheTest, AcceptsAgain) {
  EXPECT_THAT(Failed(evidence_), IsEmpty());
  EXPECT_EQ(cache_.size(), 3U);
}

TEST_F(CacheTest, RefusesEveryChangedByte) {
  for (size_t i = 0; i < evidence_.quote.size(); i += 7) {
    IntelTestEvidence changed = evidence_;
    changed.quote[i] ^= 0x10U;
    const auto warm = CheckSynthetic(changed, kSyntheticNow, &cache_);
    const auto cold = CheckSynthetic(changed, kSyntheticNow);
    EXPECT_EQ(warm.quote.has_value(), cold.quote.has_value()) << i;
  }
}

TEST_F(CacheTest, RefusesWhatIsRevokedSince) {
  evidence_.pck_crl =
      Signer().MakePckCrl(true, Revoking({IntelTestPck{}.serial}));
  EXPECT_THAT(Failed(evidence_), ElementsAre(Id::kRevocation));
  evidence_ = Signer().Make();
  evidence_.root_crl = Signer().MakeRootCrl(Revoking({{2}}));
  EXPECT_THAT(Failed(evidence_), ElementsAre(Id::kRevocation));
}

TEST_F(CacheTest, RefusesWhatHasExpiredSince) {
  EXPECT_THAT(Failed(evidence_, testing::kTestNotAfter + absl::Seconds(1)),
              ElementsAre(Id::kPckDates, Id::kCollateralDates));
}

TEST_F(CacheTest, RefusesListOfAnotherKey) {
  const IntelSigner other;
  evidence_.pck_crl = other.MakePckCrl(true);
  EXPECT_THAT(Failed(evidence_), ElementsAre(Id::kRevocation));
}

TEST_F(CacheTest, DoesNotServeOtherAnchors) {
  const auto result =
      CheckIntelQuoteChain(evidence_.quote, ProductionAnchors(),
                           {.now = kSyntheticNow, .cache = &cache_});
  EXPECT_FALSE(result.quote.has_value());
  EXPECT_THAT(FailedChecks(result.checks), Contains(Id::kPckChain));
}

TEST_F(CacheTest, DropsTheOldest) {
  IntelVerificationCache small(1);
  CheckSynthetic(evidence_, kSyntheticNow, &small);
  const size_t full = small.size();
  IntelTestPck pck;
  pck.serial = {0x77};
  CheckSynthetic(Signer().Make({}, pck), kSyntheticNow, &small);
  EXPECT_EQ(small.size(), full);
  EXPECT_TRUE(CheckSynthetic(evidence_, kSyntheticNow, &small).quote);
  IntelVerificationCache none(0);
  EXPECT_TRUE(CheckSynthetic(evidence_, kSyntheticNow, &none).quote);
  EXPECT_EQ(none.size(), 0U);
}

}  // namespace
}  // namespace constellation::attestation
