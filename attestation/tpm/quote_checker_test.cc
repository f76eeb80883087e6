// SPDX-License-Identifier: Apache-2.0
// What the two forms of quotes have in common, and where they differ: the rest
// is in quote_test.cc and pcr_quote_test.cc.
#include "attestation/tpm/quote_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/testing/software_tpm.h"
#include "attestation/tpm/testing/quote_signer.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/hex.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::MarshalAttest;
using ::constellation::testing::QuoteParts;
using ::constellation::testing::QuoteSigner;
using ::constellation::testing::SignerKind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Bytes kNonce(32, 0x5a);

// One register of the SHA-256 bank, quoted by an elliptic key.
class QuoteCheckerTest : public ::testing::Test {
 protected:
  QuoteCheckerTest() {
    parts_.extra_data = kNonce;
    parts_.selections = {{.hash_algorithm = kTpmAlgSha256, .pcrs = {4}}};
    const crypto::Sha256Digest digest = crypto::Sha256(value_);
    parts_.pcr_digest.assign(digest.begin(), digest.end());
    Sign();
    ak_ = signer_.Tpmt();
  }
  void Sign() {
    attest_ = MarshalAttest(parts_);
    signature_ = signer_.SignTpmt(attest_);
  }
  PcrQuoteUnverified View() const {
    return {.attest = attest_,
            .signature = signature_,
            .ak = ak_,
            .bank = kTpmAlgSha256,
            .registers = {{.index = 4, .value = value_}}};
  }
  // Names of the failed checks, in order; passed() says the same.
  std::vector<std::string> Failed(QuoteForms forms) const {
    const PcrQuoteUnverified view = View();
    QuoteChecker checker(view, kNonce, forms);
    checker.Run();
    const bool passed = checker.passed();
    std::vector<std::string> names;
    const std::vector<QuoteCheck> rows = checker.TakeRows();
    EXPECT_EQ(rows.size(), forms == QuoteForms::kOwn ? 10U : 11U);
    for (const QuoteCheck& row : rows) {
      if (!row.passed) {
        names.emplace_back(ToString(row.id));
      }
    }
    EXPECT_EQ(passed, names.empty());
    return names;
  }

  const QuoteSigner signer_{SignerKind::kP256, kTpmAlgSha256};
  const Bytes value_ = Bytes(32, 0x44);
  QuoteParts parts_;
  Bytes attest_, signature_, ak_;
};

TEST_F(QuoteCheckerTest, BothFormsTakeOurOwn) {
  EXPECT_THAT(Failed(QuoteForms::kOwn), IsEmpty());
  EXPECT_THAT(Failed(QuoteForms::kAny), IsEmpty());
}

TEST_F(QuoteCheckerTest, RowsKeepTheirOrder) {
  const PcrQuoteUnverified view = View();
  QuoteChecker checker(view, kNonce, QuoteForms::kAny);
  checker.Run();
  int last = -1;
  for (const QuoteCheck& row : checker.TakeRows()) {
    EXPECT_GT(static_cast<int>(row.id), last) << ToString(row.id);
    last = static_cast<int>(row.id);
  }
}

// Our attester gives the public area: its attributes say that the key signs
// what the TPM made only. A bare key says nothing.
TEST_F(QuoteCheckerTest, OwnFormWantsThePublicArea) {
  ak_ = signer_.Spki();
  EXPECT_THAT(Failed(QuoteForms::kAny), IsEmpty());
  EXPECT_THAT(Failed(QuoteForms::kOwn),
              ElementsAre("AK public area", "AK attributes", "signature"));
  ak_ = signer_.Point();
  EXPECT_THAT(Failed(QuoteForms::kAny), IsEmpty());
  EXPECT_THAT(Failed(QuoteForms::kOwn),
              ElementsAre("AK public area", "AK attributes", "signature"));
}

TEST_F(QuoteCheckerTest, OwnFormWantsATpmtSignature) {
  signature_ = signer_.Sign(attest_);  // DER
  EXPECT_THAT(Failed(QuoteForms::kAny), IsEmpty());
  EXPECT_THAT(Failed(QuoteForms::kOwn), ElementsAre("signature"));
}

// Without the attributes a key could sign structures that no TPM made.
TEST_F(QuoteCheckerTest, AttributesCountInBothForms) {
  ak_ = signer_.Tpmt(0x00050072U & ~kTpmaFixedTpm);
  EXPECT_THAT(Failed(QuoteForms::kOwn), ElementsAre("AK attributes"));
  EXPECT_THAT(Failed(QuoteForms::kAny), ElementsAre("AK attributes"));
}

TEST_F(QuoteCheckerTest, TheSelectionIsTheListsBank) {
  parts_.selections[0].hash_algorithm = kTpmAlgSha384;
  Sign();
  EXPECT_THAT(Failed(QuoteForms::kOwn), ElementsAre("selection"));
  EXPECT_THAT(Failed(QuoteForms::kAny), ElementsAre("PCR list"));
}

TEST_F(QuoteCheckerTest, WithoutAQuoteNoRegisterRowPasses) {
  parts_.type = 0x8017;  // certify
  Sign();
  for (const QuoteForms forms : {QuoteForms::kOwn, QuoteForms::kAny}) {
    EXPECT_THAT(Failed(forms),
                ElementsAre("type", "selection", "PCR list", "PCR digest"));
  }
}

TEST_F(QuoteCheckerTest, GivesWhatWasQuoted) {
  const PcrQuoteUnverified view = View();
  QuoteChecker own(view, kNonce, QuoteForms::kOwn);
  own.Run();
  ASSERT_TRUE(own.passed());
  const VerifiedQuote quote = own.MakeVerifiedQuote();
  EXPECT_EQ(quote.ak_name(), NameOf(ak_).value());
  ASSERT_EQ(quote.pcrs().size(), 1U);
  EXPECT_TRUE(std::ranges::equal(*quote.pcr(4), value_));
  QuoteChecker any(view, kNonce, QuoteForms::kAny);
  any.Run();
  ASSERT_TRUE(any.passed());
  const VerifiedPcrQuote pcrs = any.MakeVerifiedPcrQuote();
  EXPECT_EQ(pcrs.bank(), kTpmAlgSha256);
  EXPECT_THAT(pcrs.indices(), ElementsAre(4));
  EXPECT_EQ(pcrs.ak_spki(), signer_.Spki());
  EXPECT_EQ(Bytes(pcrs.nonce().begin(), pcrs.nonce().end()), kNonce);
}

}  // namespace
}  // namespace constellation::attestation
