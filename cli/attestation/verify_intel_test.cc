// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/testing/event_log_builder.h"
#include "attestation/testing/intel_signer.h"
#include "attestation/tpm/tpm_structures.h"
#include "cli/testing/evidence_case.h"
#include "common/hex.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IntelSigner;
using ::constellation::testing::IntelTestBody;
using ::constellation::testing::IntelTestEvidence;
using ::constellation::testing::IntelTestQuote;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class VerifyIntelTest : public testing::EvidenceCase {
 protected:
  VerifyIntelTest() { Trust(IntelSigner::Get().root()); }

  void KeepCollateral(const IntelTestEvidence& evidence) {
    Keep("tcb info", AsBytes(evidence.tcb_info));
    Keep("identity", AsBytes(evidence.qe_identity));
    Keep("signing", AsBytes(evidence.tcb_signing_chain));
    Keep("crl chain", AsBytes(evidence.pck_crl_chain));
    Keep("pck crl", evidence.pck_crl);
    Keep("root crl", evidence.root_crl);
  }
  FileUnit Verify() { return Only(VerifyIntelFiles(context_)); }

  // A policy for the signer's default trust domain.
  void UseTdxPolicy(const IntelTestQuote& quote) {
    profile_.name = "td";
    attestation::TdxPolicy& policy = profile_.tdx.emplace().policy;
    policy.tcb.accepted_statuses = {attestation::TcbStatus::kUpToDate};
    policy.tcb.minimum_evaluation_data_number = 18;
    policy.tcb.insecure_roots = {IntelSigner::Get().RootSpkiSha256()};
    policy.mr_td = {quote.td.mr_td};
    context_.insecure_roots.clear();
    context_.profile = &profile_;
    context_.nonce = Bytes(64, 0);
  }
};

TEST_F(VerifyIntelTest, GoodQuotesOfBothKindsPass) {
  for (const bool sgx : {false, true}) {
    IntelTestQuote quote;
    quote.version = sgx ? 3 : 4;
    quote.body = sgx ? IntelTestBody::kSgx : IntelTestBody::kTd10;
    const IntelTestEvidence evidence = IntelSigner::Get().Make(quote);
    EvidenceSet set;
    set.Add("quote", evidence.quote, true);
    for (const std::string* text :
         {&evidence.tcb_info, &evidence.qe_identity,
          &evidence.tcb_signing_chain, &evidence.pck_crl_chain}) {
      set.Add("collateral", AsBytes(*text), false);
    }
    set.Add("pck crl", evidence.pck_crl, false);
    set.Add("root crl", evidence.root_crl, false);
    VerifyContext context{.set = set,
                          .now = context_.now,
                          .nonce = std::nullopt,
                          .insecure_roots = context_.insecure_roots};
    const FileUnit unit = Only(VerifyIntelFiles(context));
    EXPECT_EQ(unit.verdict(), RowVerdict::kPassed) << sgx;
    EXPECT_EQ(Got(unit, "TCB status"), "UpToDate\n");
    EXPECT_EQ(unit.rows.front().layer,
              sgx ? "SGX collateral" : "TDX collateral");
  }
}

TEST_F(VerifyIntelTest, TheTestRootMustBeNamed) {
  const IntelTestEvidence evidence = IntelSigner::Get().Make();
  Give("quote", evidence.quote);
  KeepCollateral(evidence);
  EXPECT_EQ(Verify().verdict(), RowVerdict::kPassed);
  context_.insecure_roots.clear();
  EXPECT_EQ(Verify().verdict(), RowVerdict::kFailed);
}

TEST_F(VerifyIntelTest, AChangedBodyIsRefused) {
  IntelTestEvidence evidence = IntelSigner::Get().Make();
  evidence.quote[200] ^= 1U;
  Give("quote", evidence.quote);
  KeepCollateral(evidence);
  EXPECT_THAT(Failed(Verify()), Contains("TDX: quote signature"));
}

TEST_F(VerifyIntelTest, WhatNoParserReadsIsRefused) {
  Bytes quote = IntelSigner::Get().Make().quote;
  quote.resize(100);
  Give("quote", quote);
  EXPECT_THAT(Failed(Verify()), ElementsAre("Intel: quote format"));
}

// Without policy the chain alone is worth something, with one it is not.
TEST_F(VerifyIntelTest, WithoutCollateralTheTcbIsUnknown) {
  const IntelTestEvidence evidence = IntelSigner::Get().Make();
  Give("quote", evidence.quote);
  EXPECT_EQ(Verify().verdict(), RowVerdict::kPassed);
  EXPECT_THAT(Infos(Verify()), Contains("TDX: revocation, TCB"));
  UseTdxPolicy({});
  Trust(IntelSigner::Get().root());
  const FileUnit unit = Verify();
  EXPECT_EQ(unit.verdict(), RowVerdict::kUnchecked);
  EXPECT_THAT(Unchecked(unit), ElementsAre("TDX: collateral"));
}

// Collateral that fails does not make the quote better than without.
TEST_F(VerifyIntelTest, BadCollateralIsRefusedAndNotUsed) {
  IntelTestEvidence evidence = IntelSigner::Get().Make();
  evidence.tcb_info = IntelSigner().MakeTcbInfo();  // signed by a stranger
  Give("quote", evidence.quote);
  KeepCollateral(evidence);
  const FileUnit unit = Verify();
  EXPECT_EQ(unit.verdict(), RowVerdict::kFailed);
  EXPECT_EQ(Got(unit, "TCB status"), "");
}

TEST_F(VerifyIntelTest, ThePolicyIsHeldAgainstTheQuote) {
  IntelTestQuote quote;
  quote.td.mr_td[0] = 0x42;
  const IntelTestEvidence evidence = IntelSigner::Get().Make(quote);
  Give("quote", evidence.quote);
  KeepCollateral(evidence);
  UseTdxPolicy(quote);
  EXPECT_EQ(Verify().verdict(), RowVerdict::kPassed);
  profile_.tdx->policy.mr_td[0][0] = 0x43;
  EXPECT_THAT(Failed(Verify()), ElementsAre("TDX policy: MRTD"));
  profile_.tdx->policy.mr_td[0][0] = 0x42;
  context_.nonce = Bytes{1};
  EXPECT_THAT(Failed(Verify()), ElementsAre("TDX: nonce"));
}

// A policy for SEV-SNP must not accept any trust domain.
TEST_F(VerifyIntelTest, AProfileWithoutDemandsRefuses) {
  const IntelTestEvidence evidence = IntelSigner::Get().Make();
  Give("quote", evidence.quote);
  KeepCollateral(evidence);
  UseTdxPolicy({});
  profile_.tdx.reset();
  Trust(IntelSigner::Get().root());
  EXPECT_THAT(Failed(Verify()), ElementsAre("TDX: policy"));
}

// The registers must be what the log says; a log beside a TPM's quote is the
// vTPM's.
TEST_F(VerifyIntelTest, AnEventLogMustExplainTheRegisters) {
  const IntelTestEvidence evidence = IntelSigner::Get().Make();
  Give("quote", evidence.quote);
  KeepCollateral(evidence);
  Give("log",
       constellation::testing::EventLogBuilder({attestation::kTpmAlgSha384})
           .Add(2, 13, "another kernel")
           .bytes());
  const FileUnit unit = Verify();
  EXPECT_EQ(unit.verdict(), RowVerdict::kFailed);
  for (const std::string& row : Failed(unit)) {
    EXPECT_THAT(row, HasSubstr("event log: "));
  }
}

// With Azure's HCL report the quote is a layer of that.
TEST_F(VerifyIntelTest, QuotesInFoldersMakeNoUnit) {
  Keep("quote", IntelSigner::Get().Make().quote);
  EXPECT_THAT(VerifyIntelFiles(context_), IsEmpty());
}

}  // namespace
}  // namespace constellation::cli
