// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/testing/intel_signer.h"
#include "attestation/testing/snp_signer.h"
#include "cli/testing/evidence_case.h"
#include "common/hex.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IntelSigner;
using ::constellation::testing::IntelTestEvidence;
using ::constellation::testing::IntelTestTcbInfo;
using ::constellation::testing::SnpSigner;
using ::constellation::testing::SnpTestEvidence;
using ::constellation::testing::SnpTestProduct;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kNumbers[] =
    R"({"id":"TDX","version":1,"issueDate":"2025-12-31T00:00:00Z",)"
    R"("nextUpdate":"2026-01-31T00:00:00Z","tcbEvalNumbers":[)"
    R"({"tcbEvaluationDataNumber":19,"tcbRecoveryEventDate":)"
    R"("2025-12-01T00:00:00Z","tcbDate":"2025-11-01T00:00:00Z"}]})";

class VerifyTrustTest : public testing::EvidenceCase {
 protected:
  static const SnpSigner& Amd() {
    return SnpSigner::For(SnpTestProduct::kMilan);
  }
  FileUnit Verify() { return Only(VerifyTrustFiles(context_)); }
};

TEST_F(VerifyTrustTest, ChainsEndAtARootThatIsTrusted) {
  const SnpTestEvidence evidence = Amd().Make();
  Give("leaf", evidence.leaf);
  Keep("ask", evidence.intermediate);
  Keep("ark", evidence.ark);
  EXPECT_THAT(Failed(Verify()), ElementsAre("chain: root"));
  Trust(evidence.ark);
  EXPECT_EQ(Verify().verdict(), RowVerdict::kPassed);
  EXPECT_EQ(Got(Verify(), "root"), "a root named with --insecure-root\n");
}

TEST_F(VerifyTrustTest, AMissingIssuerIsNamed) {
  const SnpTestEvidence evidence = Amd().Make();
  Trust(evidence.ark);
  Give("leaf", evidence.leaf);
  EXPECT_THAT(Unchecked(Verify()), ElementsAre("chain: issuer"));
}

// Called like the issuer, but it has not signed.
TEST_F(VerifyTrustTest, AnImpostorIsRefused) {
  const IntelSigner stranger;
  Give("pck", stranger.MakePck());
  Keep("ca", IntelSigner::Get().pck_ca(true));
  Keep("root", IntelSigner::Get().root());
  Trust(IntelSigner::Get().root());
  EXPECT_THAT(Failed(Verify()), ElementsAre("chain: signature"));
}

TEST_F(VerifyTrustTest, DatesAreCheckedAtEveryStep) {
  const SnpTestEvidence evidence = Amd().Make();
  Trust(evidence.ark);
  Give("leaf", evidence.leaf);
  Keep("ask", evidence.intermediate);
  Keep("ark", evidence.ark);
  context_.now = absl::FromUnixSeconds(4000000000);
  EXPECT_THAT(Failed(Verify()), Contains("chain: dates"));
}

TEST_F(VerifyTrustTest, RevokedCertificatesAreRefused) {
  const SnpTestEvidence evidence = Amd().Make();
  Trust(evidence.ark);
  Give("ask", evidence.intermediate);
  Keep("ark", evidence.ark);
  Keep("good list", evidence.crl);
  EXPECT_EQ(Got(Verify(), "revocation"), "as expected\n");
  const auto ask = crypto::Certificate::FromDer(evidence.intermediate);
  ASSERT_TRUE(ask.ok());
  crypto::testing::TestCrl revoking;
  revoking.revoked = {Bytes(ask->serial().begin(), ask->serial().end())};
  Keep("list", Amd().MakeCrl(revoking));
  EXPECT_THAT(Failed(Verify()), ElementsAre("chain: revocation"));
}

// Lists that nobody trusted has signed revoke nothing.
TEST_F(VerifyTrustTest, ForgedListsRevokeNothing) {
  const IntelSigner& intel = IntelSigner::Get();
  Trust(intel.root());
  Give("ca", intel.pck_ca(true));
  Keep("root", intel.root());
  const auto ca = crypto::Certificate::FromDer(intel.pck_ca(true));
  ASSERT_TRUE(ca.ok());
  crypto::testing::TestCrl revoking;
  revoking.revoked = {Bytes(ca->serial().begin(), ca->serial().end())};
  Keep("forged", IntelSigner().MakeRootCrl(revoking));
  EXPECT_EQ(Verify().verdict(), RowVerdict::kPassed);
  Keep("genuine", intel.MakeRootCrl(revoking));
  EXPECT_THAT(Failed(Verify()), ElementsAre("chain: revocation"));
}

TEST_F(VerifyTrustTest, ListsAreFollowedToTheirRoot) {
  const SnpTestEvidence evidence = Amd().Make();
  Give("list", evidence.crl);
  EXPECT_THAT(Unchecked(Verify()), ElementsAre("CRL: signature"));
  Keep("ark", evidence.ark);
  EXPECT_THAT(Failed(Verify()), ElementsAre("chain: root"));
  Trust(evidence.ark);
  EXPECT_EQ(Verify().verdict(), RowVerdict::kPassed);
}

TEST_F(VerifyTrustTest, AListOfAnImpostorIsRefused) {
  Give("list", IntelSigner().MakeRootCrl());
  Keep("root", IntelSigner::Get().root());
  Trust(IntelSigner::Get().root());
  EXPECT_THAT(Failed(Verify()), ElementsAre("CRL: signature"));
}

TEST_F(VerifyTrustTest, ExpiredListsAreRefused) {
  crypto::testing::TestCrl old;
  old.next_update = absl::FromUnixSeconds(1600000000);
  Trust(Amd().ark());
  Give("list", Amd().MakeCrl(old));
  Keep("ark", Amd().ark());
  EXPECT_THAT(Failed(Verify()), ElementsAre("CRL: dates"));
}

class SignedJsonTest : public VerifyTrustTest {
 protected:
  SignedJsonTest() { Trust(IntelSigner::Get().root()); }
  void KeepSigner() {
    Keep("signing", AsBytes(IntelSigner::Get().Make().tcb_signing_chain));
  }
};

TEST_F(SignedJsonTest, EachKindPasses) {
  KeepSigner();
  const IntelTestEvidence evidence = IntelSigner::Get().Make();
  Give("info", AsBytes(evidence.tcb_info));
  Give("identity", AsBytes(evidence.qe_identity));
  Give("numbers", AsBytes(IntelSigner::Get().SignCollateral(
                      "tcbEvaluationDataNumbers", kNumbers)));
  const std::vector<FileUnit> units = VerifyTrustFiles(context_);
  ASSERT_THAT(units, SizeIs(3));
  for (const FileUnit& unit : units) {
    EXPECT_EQ(unit.verdict(), RowVerdict::kPassed) << unit.name;
    EXPECT_EQ(Got(unit, "dates").substr(0, 11), "as expected") << unit.name;
  }
}

TEST_F(SignedJsonTest, ExpiredDocumentsAreRefused) {
  KeepSigner();
  IntelTestTcbInfo info;
  info.next_update = absl::FromUnixSeconds(1600000000);
  Give("info", AsBytes(IntelSigner::Get().MakeTcbInfo(info)));
  EXPECT_THAT(Failed(Verify()), ElementsAre("JSON: dates"));
}

TEST_F(SignedJsonTest, ExpiredEvaluationNumbersAreRefused) {
  KeepSigner();
  Give("numbers", AsBytes(IntelSigner::Get().SignCollateral(
                      "tcbEvaluationDataNumbers", kNumbers)));
  EXPECT_EQ(Verify().verdict(), RowVerdict::kPassed);
  context_.now += absl::Hours(24 * 60);
  EXPECT_THAT(Failed(Verify()), ElementsAre("JSON: dates"));
}

// Signed by Intel, but nothing says for how long.
TEST_F(SignedJsonTest, DocumentsWithoutDatesAreRefused) {
  KeepSigner();
  Give("numbers", AsBytes(IntelSigner::Get().SignCollateral(
                      "tcbEvaluationDataNumbers", R"({"id":"TDX"})")));
  EXPECT_THAT(Failed(Verify()), ElementsAre("JSON: dates"));
}

TEST_F(SignedJsonTest, ChangedDocumentsAreRefused) {
  KeepSigner();
  std::string info = IntelSigner::Get().MakeTcbInfo();
  const size_t at = info.find("UpToDate");
  ASSERT_NE(at, std::string::npos);
  info.replace(at, 8, "Upt0Date");
  Give("info", AsBytes(info));
  EXPECT_THAT(Failed(Verify()), Contains("JSON: signature"));
}

TEST_F(SignedJsonTest, WithoutItsSignerItIsUnchecked) {
  Give("info", AsBytes(IntelSigner::Get().MakeTcbInfo()));
  EXPECT_THAT(Unchecked(Verify()), ElementsAre("JSON: signature"));
}

TEST_F(SignedJsonTest, WhatIsNoSignedDocumentIsRefused) {
  Give("info", AsBytes(R"({"tcbInfo": {}})"));
  EXPECT_THAT(Failed(Verify()), ElementsAre("JSON: format"));
}

TEST_F(VerifyTrustTest, WhatLiesInFoldersIsNotJudged) {
  Keep("ark", Amd().ark());
  EXPECT_THAT(VerifyTrustFiles(context_), IsEmpty());
}

}  // namespace
}  // namespace constellation::cli
