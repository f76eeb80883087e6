// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/intel_selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/intel/quote.h"
#include "attestation/testing/intel_signer.h"
#include "cli/attestation/pem.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IntelSigner;
using ::constellation::testing::IntelTestEvidence;
using ::constellation::testing::IntelTestPck;
using ::constellation::testing::IntelTestTcbInfo;
using ::constellation::testing::IsOk;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const IntelTestEvidence& Evidence() {
  static const auto* const kEvidence =
      new IntelTestEvidence(IntelSigner::Get().Make());
  return *kEvidence;
}

class IntelSelectionTest : public ::testing::Test {
 protected:
  void AddText(const std::string& name, const std::string& text) {
    set_.Add(name, AsBytes(text), false);
  }
  void AddAll() {
    AddText("tcb", Evidence().tcb_info);
    AddText("identity", Evidence().qe_identity);
    AddText("signing", Evidence().tcb_signing_chain);
    AddText("chain", Evidence().pck_crl_chain);
    set_.Add("pck crl", Evidence().pck_crl, false);
    set_.Add("root crl", Evidence().root_crl, false);
  }
  IntelSelection Select() const {
    const auto quote = attestation::ParseIntelQuoteUnverified(Evidence().quote);
    EXPECT_THAT(quote, IsOk());
    return SelectIntelCollateral(context_, *quote);
  }

  EvidenceSet set_;
  VerifyContext context_{.set = set_,
                         .now = absl::FromUnixSeconds(1767225600),  // 2026
                         .nonce = std::nullopt,
                         .insecure_roots = {}};
};

TEST_F(IntelSelectionTest, FindsAllParts) {
  AddAll();
  const IntelSelection selection = Select();
  EXPECT_EQ(selection.missing, "");
  EXPECT_FALSE(selection.nothing_given);
  EXPECT_EQ(selection.fmspc, "00606a000000");
  EXPECT_EQ(selection.collateral.tcb_info, Evidence().tcb_info);
  EXPECT_EQ(selection.collateral.enclave_identity, Evidence().qe_identity);
  EXPECT_EQ(selection.collateral.pck_crl, Evidence().pck_crl);
  EXPECT_EQ(selection.collateral.root_crl, Evidence().root_crl);
}

TEST_F(IntelSelectionTest, NamesWhatIsMissing) {
  const IntelSelection selection = Select();
  EXPECT_TRUE(selection.nothing_given);
  EXPECT_EQ(selection.missing,
            "TCB info, QE identity, CRL of the PCK CA, CRL of the root");
  EXPECT_EQ(selection.fmspc, "00606a000000");  // to ask the vendor with
}

TEST_F(IntelSelectionTest, SigningChainMayBeMissingAlone) {
  AddText("tcb", Evidence().tcb_info);
  EXPECT_THAT(Select().missing, HasSubstr("TCB signing chain"));
  EXPECT_FALSE(Select().nothing_given);
}

TEST_F(IntelSelectionTest, TcbInfoOfAnotherPlatformIsLeft) {
  AddAll();
  IntelTestTcbInfo other;
  other.fmspc = {1, 2, 3, 4, 5, 6};
  EvidenceSet set;
  set.Add("tcb", AsBytes(IntelSigner::Get().MakeTcbInfo(other)), false);
  const VerifyContext context{.set = set,
                              .now = context_.now,
                              .nonce = std::nullopt,
                              .insecure_roots = {}};
  const auto quote = attestation::ParseIntelQuoteUnverified(Evidence().quote);
  EXPECT_THAT(SelectIntelCollateral(context, *quote).missing,
              HasSubstr("TCB info"));
}

TEST_F(IntelSelectionTest, TcbInfoOfSgxIsLeftForTdx) {
  IntelTestTcbInfo sgx;
  sgx.id = "SGX";
  AddText("tcb", IntelSigner::Get().MakeTcbInfo(sgx));
  EXPECT_THAT(Select().missing, HasSubstr("TCB info"));
}

// The newest of those that are valid, whatever their order.
TEST_F(IntelSelectionTest, NewestValidDocumentIsTaken) {
  IntelTestTcbInfo older;
  older.evaluation_number = 17;
  older.issue_date = absl::FromUnixSeconds(1600000000);
  IntelTestTcbInfo newer;
  newer.evaluation_number = 19;
  newer.issue_date = absl::FromUnixSeconds(1700000000);
  IntelTestTcbInfo future;
  future.evaluation_number = 20;
  future.issue_date = absl::FromUnixSeconds(1900000000);
  AddText("newer", IntelSigner::Get().MakeTcbInfo(newer));
  AddText("older", IntelSigner::Get().MakeTcbInfo(older));
  AddText("future", IntelSigner::Get().MakeTcbInfo(future));
  EXPECT_THAT(Select().collateral.tcb_info, HasSubstr("r\":19"));
}

// A damaged list must not look like a missing one; a kept one is just left.
TEST_F(IntelSelectionTest, AGivenListThatNobodySignedIsChosen) {
  AddText("chain", Evidence().pck_crl_chain);
  Bytes damaged = Evidence().pck_crl;
  damaged.back() ^= 1U;
  set_.Add("crl", damaged, false);
  EXPECT_TRUE(Select().collateral.pck_crl.empty());
  set_.Add("crl", damaged, true);
  EXPECT_EQ(Select().collateral.pck_crl, damaged);
  set_.Add("crl", Evidence().pck_crl, false);
  EXPECT_EQ(Select().collateral.pck_crl, Evidence().pck_crl);
}

TEST_F(IntelSelectionTest, ListOfAnotherKeyIsLeft) {
  AddText("chain", Evidence().pck_crl_chain);
  const IntelSigner stranger;
  set_.Add("crl", stranger.MakePckCrl(), false);
  EXPECT_THAT(Select().missing, HasSubstr("CRL of the PCK CA"));
  set_.Add("crl", Evidence().pck_crl, false);
  EXPECT_THAT(Select().missing, Not(HasSubstr("CRL of the PCK CA")));
}

TEST_F(IntelSelectionTest, SignerIsTheOneWhoSigned) {
  AddText("signing", Evidence().tcb_signing_chain);
  const auto document =
      attestation::ParseSignedJsonUnverified(Evidence().tcb_info, "tcbInfo");
  ASSERT_THAT(document, IsOk());
  const crypto::Certificate* signer =
      SignerOf(set_.certificates(), document->body, document->signature);
  ASSERT_NE(signer, nullptr);
  EXPECT_EQ(signer->der(), IntelSigner::Get().tcb_signing());
  EXPECT_EQ(SignerOf(set_.certificates(), "other", document->signature),
            nullptr);
  EXPECT_EQ(SignerOf(set_.certificates(), document->body, Bytes(63, 1)),
            nullptr);
  EXPECT_EQ(SignerOf({}, document->body, document->signature), nullptr);
}

TEST_F(IntelSelectionTest, RootsMustBeNamedOrPinned) {
  set_.Add("root", IntelSigner::Get().root(), false);
  EXPECT_THAT(IntelRoots(context_), IsEmpty());
  attestation::Profile profile;
  profile.tdx.emplace();
  context_.profile = &profile;
  EXPECT_THAT(IntelRoots(context_), IsEmpty());
  profile.tdx->policy.tcb.insecure_roots = {
      IntelSigner::Get().RootSpkiSha256()};
  EXPECT_THAT(IntelRoots(context_), SizeIs(1));
  // Named as well: still one.
  context_.insecure_roots = {
      *crypto::Certificate::FromDer(IntelSigner::Get().root())};
  EXPECT_THAT(IntelRoots(context_), SizeIs(1));
}

TEST_F(IntelSelectionTest, OnlySelfSignedAuthoritiesAreRoots) {
  context_.insecure_roots = {
      *crypto::Certificate::FromDer(IntelSigner::Get().pck_ca(true)),
      *crypto::Certificate::FromDer(IntelSigner::Get().MakePck())};
  EXPECT_THAT(IntelRoots(context_), IsEmpty());
}

TEST_F(IntelSelectionTest, ChainOfThePckIsPutInOrder) {
  EXPECT_THAT(PckChainFor(set_), IsEmpty());
  const Bytes leaf = IntelSigner::Get().MakePck();
  set_.Add("root", IntelSigner::Get().root(), false);
  set_.Add("ca", IntelSigner::Get().pck_ca(true), false);
  EXPECT_THAT(PckChainFor(set_), IsEmpty());
  set_.Add("leaf", leaf, false);
  Bytes expected = leaf;
  for (const Bytes& next :
       {IntelSigner::Get().pck_ca(true), IntelSigner::Get().root()}) {
    expected.insert(expected.end(), next.begin(), next.end());
  }
  EXPECT_EQ(PckChainFor(set_), expected);
}

}  // namespace
}  // namespace constellation::cli
