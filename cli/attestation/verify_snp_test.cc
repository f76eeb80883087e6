// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/testing/snp_signer.h"
#include "cli/testing/evidence_case.h"
#include "common/hex.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::SnpSigner;
using ::constellation::testing::SnpTestEvidence;
using ::constellation::testing::SnpTestLeaf;
using ::constellation::testing::SnpTestLeafKind;
using ::constellation::testing::SnpTestProduct;
using ::constellation::testing::SnpTestReport;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

const SnpSigner& Signer() {
  return SnpSigner::For(SnpTestProduct::kMilan);
}

class VerifySnpTest : public testing::EvidenceCase {
 protected:
  VerifySnpTest() { Trust(Signer().ark()); }

  void GiveAll(const SnpTestEvidence& evidence) {
    Give("report", evidence.report);
    Give("leaf", evidence.leaf);
    Give("intermediate", evidence.intermediate);
    Give("ark", evidence.ark);
  }
  FileUnit Verify() { return Only(VerifySnpFiles(context_)); }

  // A policy that the signer's default report satisfies.
  void UsePolicy() {
    profile_.name = "image";
    attestation::SnpPolicy& policy = profile_.snp.emplace().policy;
    policy.products[attestation::SnpProduct::kMilan].minimum = {
        .boot_loader = 4, .tee = 0, .snp = 24, .microcode = 219};
    policy.measurements = {SnpTestReport{}.measurement};
    context_.insecure_roots.clear();
    policy.more_roots = {{.product = attestation::SnpProduct::kMilan,
                          .spki_sha256 = Signer().ArkSpkiSha256(),
                          .certificate_sha256 = std::nullopt}};
    context_.profile = &profile_;
    context_.nonce = Bytes(64, 0);
  }
};

TEST_F(VerifySnpTest, AGoodReportPassesEveryCheck) {
  GiveAll(Signer().Make());
  const FileUnit unit = Verify();
  EXPECT_EQ(unit.verdict(), RowVerdict::kPassed);
  EXPECT_THAT(Failed(unit), IsEmpty());
  EXPECT_THAT(Unchecked(unit), IsEmpty());
  EXPECT_EQ(unit.what, "SEV-SNP report");
}

// Neither given nor demanded: not a check that passed.
TEST_F(VerifySnpTest, WithoutAListRevocationIsInformation) {
  GiveAll(Signer().Make());
  EXPECT_THAT(Infos(Verify()), IsSupersetOf({"SEV-SNP: revocation list",
                                             "SEV-SNP: not revoked"}));
  EXPECT_THAT(Got(Verify(), "not revoked"), HasSubstr("not checked"));
  Give("list", Signer().MakeCrl());
  EXPECT_THAT(Infos(Verify()), Not(Contains("SEV-SNP: not revoked")));
  EXPECT_THAT(Infos(Verify()), Not(Contains("SEV-SNP: revocation list")));
}

TEST_F(VerifySnpTest, WithoutItsRootNothingPasses) {
  context_.insecure_roots.clear();
  GiveAll(Signer().Make());
  EXPECT_THAT(Failed(Verify()), Contains("SEV-SNP: ARK pinned"));
}

TEST_F(VerifySnpTest, AChangedMeasurementBreaksTheSignatureAlone) {
  SnpTestEvidence evidence = Signer().Make();
  evidence.report[0x90] ^= 1U;
  GiveAll(evidence);
  EXPECT_THAT(Failed(Verify()), ElementsAre("SEV-SNP: signature"));
}

// One chip has a VCEK for each TCB: the one that fits is found.
TEST_F(VerifySnpTest, TheSignerThatFitsMakesTheRows) {
  const SnpTestEvidence evidence = Signer().Make();
  SnpTestLeaf older;
  older.tcb.microcode = 200;
  Give("older", Signer().MakeLeaf(older));
  GiveAll(evidence);
  EXPECT_EQ(Verify().verdict(), RowVerdict::kPassed);
}

TEST_F(VerifySnpTest, AnOlderKeyAloneIsRefused) {
  const SnpTestEvidence evidence = Signer().Make();
  SnpTestLeaf older;
  older.tcb.microcode = 200;
  Give("report", evidence.report);
  Give("older", Signer().MakeLeaf(older));
  Give("ask", evidence.intermediate);
  Give("ark", evidence.ark);
  EXPECT_THAT(Failed(Verify()), Contains("SEV-SNP: TCB"));
}

// A cache holds the keys of a whole fleet.
TEST_F(VerifySnpTest, KeysOfOtherChipsInACacheAreNotEvenTried) {
  const SnpTestEvidence evidence = Signer().Make();
  SnpTestLeaf other;
  other.hw_id = Bytes(64, 0x77);
  Give("report", evidence.report);
  Keep("other", Signer().MakeLeaf(other));
  Keep("ask", evidence.intermediate);
  Keep("ark", evidence.ark);
  const FileUnit unit = Verify();
  EXPECT_EQ(unit.verdict(), RowVerdict::kUnchecked);
  EXPECT_THAT(Got(unit, "certificates"), HasSubstr("missing: VCEK or VLEK"));
  Keep("right", evidence.leaf);
  EXPECT_EQ(Verify().verdict(), RowVerdict::kPassed);
}

// A given one is tried whatever it is: its owner says that it belongs there.
TEST_F(VerifySnpTest, AGivenKeyOfAnotherChipIsRefused) {
  const SnpTestEvidence evidence = Signer().Make();
  SnpTestLeaf other;
  other.hw_id = Bytes(64, 0x77);
  Give("report", evidence.report);
  Give("other", Signer().MakeLeaf(other));
  Give("ask", evidence.intermediate);
  Give("ark", evidence.ark);
  EXPECT_THAT(Failed(Verify()), Contains("SEV-SNP: chip ID"));
}

TEST_F(VerifySnpTest, WhatIsMissingIsUncheckedNotRefused) {
  const SnpTestEvidence evidence = Signer().Make();
  Give("report", evidence.report);
  Give("leaf", evidence.leaf);
  const FileUnit unit = Verify();
  EXPECT_THAT(Failed(unit), IsEmpty());
  EXPECT_EQ(Got(unit, "certificates"), "missing: ASK or ASVK, ARK\n");
  EXPECT_THAT(Unchecked(unit), Not(Contains("SEV-SNP: signature")));
}

TEST_F(VerifySnpTest, ReportsInFoldersAreNotAskedAbout) {
  Keep("report", Signer().Make().report);
  EXPECT_THAT(VerifySnpFiles(context_), IsEmpty());
}

TEST_F(VerifySnpTest, RevokedKeysAreRefused) {
  const SnpTestEvidence evidence = Signer().Make();
  GiveAll(evidence);
  Keep("good list", evidence.crl);
  EXPECT_EQ(Verify().verdict(), RowVerdict::kPassed);
  const auto ask = crypto::Certificate::FromDer(evidence.intermediate);
  ASSERT_TRUE(ask.ok());
  crypto::testing::TestCrl revoking;
  revoking.revoked = {Bytes(ask->serial().begin(), ask->serial().end())};
  Give("revoking list", Signer().MakeCrl(revoking));
  EXPECT_THAT(Failed(Verify()), Contains("SEV-SNP: not revoked"));
}

TEST_F(VerifySnpTest, ThePolicyIsHeldAgainstTheReport) {
  UsePolicy();
  GiveAll(Signer().Make());
  FileUnit unit = Verify();
  EXPECT_EQ(unit.verdict(), RowVerdict::kPassed) << Got(unit, "nonce");
  profile_.snp->policy.measurements[0][0] ^= 1U;
  unit = Verify();
  EXPECT_THAT(Failed(unit), ElementsAre("SEV-SNP policy: measurement"));
  profile_.snp->policy.measurements[0][0] ^= 1U;
  context_.nonce = Bytes(64, 1);
  EXPECT_THAT(Failed(Verify()), ElementsAre("SEV-SNP: nonce"));
  context_.nonce.reset();
  EXPECT_THAT(Unchecked(Verify()), ElementsAre("SEV-SNP: nonce"));
}

TEST_F(VerifySnpTest, APolicyMayDemandTheRevocationList) {
  UsePolicy();
  const SnpTestEvidence evidence = Signer().Make();
  GiveAll(evidence);
  profile_.snp->policy.require_revocation_list = true;
  EXPECT_THAT(Failed(Verify()), Contains("SEV-SNP: revocation list"));
  Keep("list", evidence.crl);
  EXPECT_EQ(Verify().verdict(), RowVerdict::kPassed);
}

// A policy for another technology must not accept any genuine machine.
TEST_F(VerifySnpTest, AProfileWithoutDemandsRefuses) {
  UsePolicy();
  GiveAll(Signer().Make());
  profile_.snp.reset();
  Trust(Signer().ark());
  EXPECT_THAT(Failed(Verify()), ElementsAre("SEV-SNP: policy"));
}

class VerifyIdBlockTest : public VerifySnpTest {
 protected:
  VerifyIdBlockTest() : id_(constellation::testing::SignIdBlock({})) {}
  FileUnit VerifyBlock() { return Only(VerifyIdBlockFiles(context_)); }

  constellation::testing::SnpTestIdEvidence id_;
};

TEST_F(VerifyIdBlockTest, ABlockNeedsItsAuthentication) {
  Give("block", id_.id_block);
  EXPECT_EQ(VerifyBlock().verdict(), RowVerdict::kUnchecked);
  Give("auth", id_.id_auth);
  EXPECT_EQ(VerifyBlock().verdict(), RowVerdict::kPassed);
}

TEST_F(VerifyIdBlockTest, AnAuthenticationAloneProvesNothing) {
  Give("auth", id_.id_auth);
  const FileUnit unit = VerifyBlock();
  EXPECT_EQ(unit.verdict(), RowVerdict::kUnchecked);
  EXPECT_EQ(unit.what, "SEV-SNP ID authentication");
}

TEST_F(VerifyIdBlockTest, AnotherBlocksAuthenticationIsRefused) {
  Give("block", id_.id_block);
  Give("auth", constellation::testing::SignIdBlock({.guest_svn = 1}).id_auth);
  EXPECT_EQ(VerifyBlock().verdict(), RowVerdict::kFailed);
}

TEST_F(VerifyIdBlockTest, TheReportMustBeOfThisBlock) {
  SnpTestReport report;
  report.id_key_digest = id_.id_key_digest;
  report.author_key_digest = id_.author_key_digest;
  report.key_info = 1;  // author key enabled
  Give("block", id_.id_block);
  Give("auth", id_.id_auth);
  Give("report", Signer().SignReport(report));
  EXPECT_EQ(VerifyBlock().verdict(), RowVerdict::kPassed)
      << Got(VerifyBlock(), "report of the ID block");
  report.id_key_digest[0] ^= 1U;
  Give("other report", Signer().SignReport(report));
  EXPECT_THAT(Failed(VerifyBlock()),
              ElementsAre("SEV-SNP: report of the ID block"));
}

}  // namespace
}  // namespace constellation::cli
