// SPDX-License-Identifier: Apache-2.0
// What an operator reads when a check fails: cause and fix of every row, pinned
// word by word.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "attestation/intel/tcb_policy.h"
#include "attestation/intel/testing/synthetic.h"
#include "attestation/testing/test_keys.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::CheckSynthetic;
using ::constellation::testing::FixOf;
using ::constellation::testing::GotOf;
using ::constellation::testing::IntelSigner;
using ::constellation::testing::IntelTestBody;
using ::constellation::testing::IntelTestEvidence;
using ::constellation::testing::IntelTestPck;
using ::constellation::testing::IntelTestQuote;
using ::constellation::testing::IntelTestTcbInfo;
using ::constellation::testing::kSyntheticNow;
using ::constellation::testing::PemOf;
using ::constellation::testing::SyntheticAnchors;
using ::constellation::testing::SyntheticCollateral;
using ::testing::HasSubstr;

using Id = IntelCheckId;
using enum TcbStatus;

const IntelSigner& Signer() {
  return IntelSigner::Get();
}

// Every row of a quote, right and wrong: nothing but bytes that do not parse.
TEST(WordsTest, EveryRowOfAQuoteSaysWhatItWants) {
  const auto good = CheckSynthetic(Signer().Make());
  std::map<Id, std::string> expected;
  for (const IntelCheck& row : good.checks) {
    expected[row.id] = row.expected;
    EXPECT_TRUE(row.fix.empty()) << ToString(row.id);
  }
  EXPECT_EQ(expected[Id::kQuoteFormat], "quote of version 3, 4 or 5");
  EXPECT_EQ(expected[Id::kAttestationKeyType], "2 (ECDSA P-256)");
  EXPECT_EQ(expected[Id::kQeVendor], "939a7233f79c4ca9940a0db3957f0607");
  EXPECT_EQ(expected[Id::kQuoteSignature],
            "by the attestation key over header and body");
  EXPECT_EQ(expected[Id::kPckChain],
            "PCK certificate, CA and a trusted root, each signed by the next");
  EXPECT_EQ(expected[Id::kQeReportSignature], "by the PCK over the QE report");
  EXPECT_EQ(expected[Id::kPckDates],
            "all certificates valid at 2026-01-01T00:00:00Z");
  EXPECT_EQ(expected[Id::kSameRoot],
            "quote and collateral end at the same root");
  EXPECT_EQ(expected[Id::kRevocation],
            "PCK and its CA not in the lists of their issuers");
  EXPECT_EQ(expected[Id::kCollateralDates],
            "all parts valid at 2026-01-01T00:00:00Z");
  EXPECT_EQ(expected[Id::kTeeMatch],
            "TCB info and QE identity for the quote's TEE");
  EXPECT_EQ(expected[Id::kTdxModule],
            "signer and attributes as the TCB info demands");
  EXPECT_EQ(expected[Id::kTcbLevel], "a level of the TCB info");
  EXPECT_EQ(GotOf(good.checks, Id::kTcbLevel),
            "level 0 of 2023-08-09T00:00:00Z, UpToDate");
}

TEST(WordsTest, RowsThatCannotBeMadeSayWhy) {
  IntelTestEvidence evidence = Signer().Make();
  evidence.quote = Bytes(8);
  const auto bad = CheckSynthetic(evidence);
  EXPECT_EQ(GotOf(bad.checks, Id::kQuoteSignature), "not available: no quote");
  EXPECT_EQ(GotOf(bad.checks, Id::kPckDates),
            "not available: no verified PCK chain");
  EXPECT_EQ(GotOf(bad.checks, Id::kTcbLevel),
            "not available: no verified PCK chain");
  EXPECT_EQ(FixOf(bad.checks, Id::kQuoteFormat),
            "give the quote itself, without a wrapper around it");
}

TEST(WordsTest, ForgedQuotes) {
  IntelTestQuote quote;
  quote.key_type = 3;
  const auto result = CheckSynthetic(Signer().Make(quote));
  EXPECT_EQ(GotOf(result.checks, Id::kAttestationKeyType), "3");
  EXPECT_EQ(FixOf(result.checks, Id::kAttestationKeyType),
            "the quote was altered or does not come from an Intel CPU: refuse "
            "the node");
}

TEST(WordsTest, UntrustedPlatforms) {
  const IntelSigner other;
  IntelTestEvidence evidence = Signer().Make();
  evidence.quote = other.MakeQuote();
  EXPECT_EQ(FixOf(CheckSynthetic(evidence).checks, Id::kPckChain),
            "the platform's certificate is not Intel's: refuse the node, or "
            "name its root in the policy if you run a test platform");
}

TEST(WordsTest, RevokedPlatforms) {
  IntelTestEvidence evidence = Signer().Make();
  evidence.pck_crl =
      Signer().MakePckCrl(true, testing::Revoking({IntelTestPck{}.serial}));
  EXPECT_EQ(FixOf(CheckSynthetic(evidence).checks, Id::kRevocation),
            "a revoked platform is compromised: refuse the node; if the list "
            "is of another issuer, fetch that of the CA");
}

TEST(WordsTest, OtherPlatformsCollateral) {
  IntelTestTcbInfo info;
  info.fmspc[0] = 9;
  IntelTestEvidence evidence = Signer().Make();
  evidence.tcb_info = Signer().MakeTcbInfo(info);
  EXPECT_EQ(FixOf(CheckSynthetic(evidence).checks, Id::kFmspc),
            "fetch the collateral of this FMSPC and TEE");
}

TEST(WordsTest, ForeignFirmware) {
  IntelTestQuote quote;
  quote.td.mr_signer_seam[0] = 0xff;
  const auto result = CheckSynthetic(Signer().Make(quote));
  EXPECT_THAT(GotOf(result.checks, Id::kTdxModule),
              HasSubstr("MRSIGNERSEAM: want 0000"));
  EXPECT_EQ(FixOf(result.checks, Id::kTdxModule),
            "the platform runs firmware that Intel did not sign for "
            "production: refuse the node");
}

TEST(WordsTest, PlatformsBelowEveryLevel) {
  IntelTestPck pck;
  pck.pce_svn = 1;
  EXPECT_EQ(FixOf(CheckSynthetic(Signer().Make({}, pck)).checks, Id::kTcbLevel),
            "update the host's BIOS, microcode and TDX module");
}

TEST(WordsTest, DamagedCollateral) {
  IntelCollateral parts = SyntheticCollateral(Signer().Make());
  parts.tcb_info = "{}";
  const auto result =
      CheckIntelCollateral(parts, SyntheticAnchors(), kSyntheticNow);
  EXPECT_EQ(GotOf(result.checks, Id::kTcbInfoFormat),
            "tcbInfo: signature is missing");
  EXPECT_EQ(FixOf(result.checks, Id::kTcbInfoFormat),
            "the collateral is damaged or forged: fetch it again from Intel");
  EXPECT_EQ(GotOf(result.checks, Id::kTcbInfoSignature),
            "not available: no document");
  EXPECT_EQ(GotOf(result.checks, Id::kCollateralDates),
            "not available: a part is missing");
}

TEST(WordsTest, UntrustedCollateral) {
  const IntelSigner other;
  IntelCollateral parts = SyntheticCollateral(Signer().Make());
  parts.tcb_signing_chain = PemOf(other.tcb_signing());
  const auto result =
      CheckIntelCollateral(parts, SyntheticAnchors(), kSyntheticNow);
  EXPECT_EQ(FixOf(result.checks, Id::kTcbSigningChain),
            "use Intel's own collateral, or name its root in the policy if you "
            "run a test platform");
  EXPECT_EQ(GotOf(result.checks, Id::kRootCrl),
            "not available: no trusted signer");
}

TEST(WordsTest, OldCollateral) {
  const auto result = CheckIntelCollateral(
      SyntheticCollateral(Signer().Make()), SyntheticAnchors(),
      testing::kTestNotAfter + absl::Seconds(5));
  EXPECT_EQ(GotOf(result.checks, Id::kCollateralDates),
            "TCB info: valid from 2020-01-01T00:00:00Z to "
            "2050-01-01T00:00:00Z, now 2050-01-01T00:00:05Z");
  EXPECT_EQ(FixOf(result.checks, Id::kCollateralDates),
            "fetch the collateral again (constellation collateral fetch), or "
            "check this machine's clock");
}

// A verified quote of a platform whose newest level has `status`.
VerifiedIntelQuote QuoteWithStatus(std::string_view status, bool sgx = false) {
  IntelTestQuote quote;
  IntelTestTcbInfo info;
  if (sgx) {
    quote.version = 3;
    quote.body = IntelTestBody::kSgx;
    info.id = "SGX";
  }
  info.levels[0].status = std::string(status);
  IntelTestEvidence evidence = Signer().Make(quote);
  evidence.tcb_info = Signer().MakeTcbInfo(info);
  return CheckSynthetic(evidence).quote.value();
}

std::vector<IntelCheck> Judge(const IntelTcbPolicy& policy,
                              const VerifiedIntelQuote* quote) {
  IntelCheckList rows;
  CheckTcbPolicy(policy, quote, rows);
  return rows.Take();
}

IntelTcbPolicy Policy() {
  IntelTcbPolicy policy;
  policy.accepted_statuses = {kUpToDate};
  policy.minimum_evaluation_data_number = 18;
  policy.insecure_roots = {Signer().RootSpkiSha256()};
  return policy;
}

TEST(TcbPolicyWordsTest, EachStatusHasItsCure) {
  const std::pair<TcbStatus, const char*> cures[] = {
      {kSwHardeningNeeded,
       "make sure that the software follows Intel's advisories, or add "
       "SWHardeningNeeded to acceptedStatuses of the profile"},
      {kConfigurationNeeded,
       "change the host's BIOS settings as the advisories say (often: "
       "hyper-threading), or add ConfigurationNeeded to acceptedStatuses of "
       "the profile"},
      {kConfigurationAndSwHardeningNeeded,
       "change the host's BIOS settings as the advisories say (often: "
       "hyper-threading), or add ConfigurationAndSWHardeningNeeded to "
       "acceptedStatuses of the profile"},
      {kOutOfDate,
       "update the host's BIOS, microcode and TDX module, or add OutOfDate to "
       "acceptedStatuses of the profile"},
      {kOutOfDateConfigurationNeeded,
       "update the host's BIOS, microcode and TDX module, or add "
       "OutOfDateConfigurationNeeded to acceptedStatuses of the profile"},
      {kRevoked,
       "the platform's keys are compromised: move the VM to another host"}};
  for (const auto& [status, cure] : cures) {
    for (const bool sgx : {false, true}) {
      const auto quote = QuoteWithStatus(ToString(status), sgx);
      EXPECT_EQ(quote.tcb().status, status);
      IntelTcbPolicy policy = Policy();
      const auto rows = Judge(policy, &quote);
      EXPECT_EQ(testing::FailedChecks(rows), std::vector<Id>{Id::kTcbStatus});
      EXPECT_EQ(FixOf(rows, Id::kTcbStatus), cure);
      policy.accepted_statuses.push_back(status);
      EXPECT_EQ(testing::FailedChecks(Judge(policy, &quote)).empty(),
                status != kRevoked);
    }
  }
}

TEST(TcbPolicyWordsTest, SgxNamesNoModule) {
  const auto quote = QuoteWithStatus("OutOfDate", true);
  EXPECT_EQ(GotOf(Judge(Policy(), &quote), Id::kTcbStatus),
            "OutOfDate (platform OutOfDate of 2023-08-09, QE UpToDate)");
}

TEST(TcbPolicyWordsTest, RowsWithoutAQuote) {
  const auto rows = Judge(Policy(), nullptr);
  ASSERT_EQ(rows.size(), 4U);
  for (const IntelCheck& row : rows) {
    EXPECT_FALSE(row.passed);
    EXPECT_EQ(row.got, "not available: the quote is not verified");
  }
}

TEST(TcbPolicyWordsTest, RootIsNamedByItsKey) {
  const auto quote = QuoteWithStatus("UpToDate");
  IntelTcbPolicy policy = Policy();
  policy.insecure_roots = {crypto::Sha256Digest{}};
  const auto rows = Judge(policy, &quote);
  EXPECT_EQ(GotOf(rows, Id::kPolicyRoot),
            "root with key " + HexEncode(Signer().RootSpkiSha256()));
}

TEST(TcbPolicyWordsTest, ManyReferenceValuesAreNotAllShown) {
  std::vector<IntelMeasurement> values(6);
  IntelMeasurement got{};
  got.fill(1);
  IntelCheckList rows;
  CheckMeasurement(Id::kRtmr1, "rtmr1", SpansOf(values), got, rows);
  CheckMeasurement(Id::kRtmr2, "rtmr2", {}, got, rows);
  const auto taken = rows.Take();
  ASSERT_EQ(taken.size(), 1U);  // an empty list is not compared
  EXPECT_THAT(taken[0].expected, ::testing::StartsWith("one of 6 values: 00"));
  EXPECT_THAT(taken[0].expected, ::testing::EndsWith(", ..."));
  EXPECT_FALSE(taken[0].passed);
}

}  // namespace
}  // namespace constellation::attestation
