// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/quote.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "attestation/testing/software_tpm.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::QuoteParts;
using ::constellation::testing::SoftwareTpm;
using ::constellation::testing::SoftwareTpmOptions;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TpmWriter;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;

class QuoteTest : public ::testing::Test {
 protected:
  QuoteTest() : user_data_(kUserDataSize, 0x42) {
    tpm_.SetPcr(4, crypto::Sha256(AsBytes("kernel")));
    tpm_.SetPcr(15, crypto::Sha256(AsBytes("cluster")));
  }

  crypto::Sha256Digest QualifyingData() const {
    return QuoteQualifyingData(user_data_, {});
  }
  absl::StatusOr<VerifiedQuote> Verify(const TpmEvidence& evidence) const {
    return VerifyQuote(evidence, QualifyingData());
  }
  absl::StatusOr<VerifiedQuote> Verify(const QuoteParts& parts) const {
    return Verify(tpm_.AttestParts(parts).tpm);
  }
  TpmEvidence Good() const {
    return tpm_.AttestParts(tpm_.PartsFor(user_data_)).tpm;
  }
  // The names of the checks that fail.
  std::set<std::string_view> Failed(const TpmEvidence& evidence) const {
    std::set<std::string_view> names;
    for (const QuoteCheck& check :
         CheckQuote(evidence, QualifyingData()).checks) {
      if (!check.passed) {
        names.insert(ToString(check.id));
      }
    }
    return names;
  }

  const Bytes user_data_;
  SoftwareTpm tpm_;
};

TEST_F(QuoteTest, AcceptsGoodQuote) {
  ASSERT_OK_AND_ASSIGN(const VerifiedQuote quote, Verify(Good()));
  EXPECT_EQ(quote.ak_name(), tpm_.enrolled().ak_name);
  EXPECT_EQ(quote.pcr(4), crypto::Sha256(AsBytes("kernel")));
  EXPECT_EQ(quote.pcr(16), std::nullopt);
  EXPECT_EQ(quote.pcrs().size(), 16U);
  EXPECT_THAT(Failed(Good()), IsEmpty());
}

TEST_F(QuoteTest, MakesEveryCheckEvenOfNothing) {
  const QuoteVerification result = CheckQuote({}, QualifyingData());
  EXPECT_EQ(result.checks.size(), 10U);
  EXPECT_FALSE(result.quote.has_value());
  for (const QuoteCheck& check : result.checks) {
    EXPECT_FALSE(check.passed) << ToString(check.id);
    EXPECT_FALSE(check.expected.empty()) << ToString(check.id);
    EXPECT_FALSE(check.got.empty()) << ToString(check.id);
  }
}

TEST_F(QuoteTest, RefusesChangedSignatureByte) {
  TpmEvidence evidence = Good();
  evidence.signature.back() ^= 1U;
  EXPECT_THAT(Verify(evidence),
              StatusIs(kUnauthenticated, HasSubstr("signature")));
  EXPECT_THAT(Failed(evidence), ElementsAre("signature"));
}

TEST_F(QuoteTest, RefusesSignatureOfAnotherKey) {
  TpmEvidence evidence = Good();
  evidence.signature = SoftwareTpm().Sign(evidence.attest);
  EXPECT_THAT(Failed(evidence), ElementsAre("signature"));
}

TEST_F(QuoteTest, RefusesKeyOfAnotherTpm) {
  TpmEvidence evidence = Good();
  evidence.ak_public =
      SoftwareTpm().AttestParts(tpm_.PartsFor(user_data_)).tpm.ak_public;
  EXPECT_THAT(Failed(evidence), ElementsAre("signature"));
}

TEST_F(QuoteTest, RefusesSignatureWithTrailingByte) {
  TpmEvidence evidence = Good();
  evidence.signature.push_back(0);
  EXPECT_THAT(Failed(evidence), ElementsAre("signature"));
}

TEST_F(QuoteTest, RefusesSchemeThatIsNotTheKeys) {
  TpmEvidence evidence = Good();
  evidence.signature[3] = 0x0c;  // sha384
  EXPECT_THAT(
      Verify(evidence),
      StatusIs(kUnauthenticated, HasSubstr("want the key's ecdsa/sha256, got "
                                           "ecdsa/sha384")));
}

TEST_F(QuoteTest, RefusesChangedAttestByte) {
  TpmEvidence evidence = Good();
  evidence.attest[45] ^= 1U;  // in the clock: nothing else looks at it
  EXPECT_THAT(Failed(evidence), ElementsAre("signature"));
}

TEST_F(QuoteTest, RefusesWrongMagic) {
  QuoteParts parts = tpm_.PartsFor(user_data_);
  parts.magic ^= 1U;
  EXPECT_THAT(
      Verify(parts),
      StatusIs(kUnauthenticated,
               HasSubstr("magic: expected 0xff544347, got 0xff544346")));
  EXPECT_THAT(Failed(tpm_.AttestParts(parts).tpm), ElementsAre("magic"));
}

TEST_F(QuoteTest, RefusesEveryOtherType) {
  static constexpr uint16_t kTypes[] = {0x8014, 0x8015, 0x8016, 0x8017,
                                        0x8019, 0x801a, 0x801c, 0x0000};
  for (const uint16_t type : kTypes) {
    QuoteParts parts = tpm_.PartsFor(user_data_);
    parts.type = type;
    EXPECT_THAT(Verify(parts),
                StatusIs(kUnauthenticated,
                         HasSubstr("type: expected 0x8018 (quote), got")))
        << type;
  }
}

TEST_F(QuoteTest, RefusesOtherNonce) {
  const Bytes other(kUserDataSize, 0x43);
  EXPECT_THAT(VerifyQuote(Good(), QuoteQualifyingData(other, {})),
              StatusIs(kUnauthenticated, HasSubstr("qualifying data")));
}

TEST_F(QuoteTest, RefusesPrefixOfTheNonce) {
  QuoteParts parts = tpm_.PartsFor(user_data_);
  parts.extra_data.pop_back();
  EXPECT_THAT(Failed(tpm_.AttestParts(parts).tpm),
              ElementsAre("qualifying data"));
}

TEST_F(QuoteTest, RefusesEmptyExpectation) {
  QuoteParts parts = tpm_.PartsFor(user_data_);
  parts.extra_data.clear();
  EXPECT_THAT(VerifyQuote(tpm_.AttestParts(parts).tpm, {}),
              StatusIs(kUnauthenticated, HasSubstr("qualifying data")));
}

TEST_F(QuoteTest, RefusesOtherBanks) {
  for (const uint16_t bank : {kTpmAlgSha1, kTpmAlgSha384, kTpmAlgSha512}) {
    QuoteParts parts = tpm_.PartsFor(user_data_);
    parts.selections[0].hash_algorithm = bank;
    EXPECT_THAT(Verify(parts),
                StatusIs(kUnauthenticated,
                         HasSubstr("selection: expected one bank: sha256")));
    EXPECT_THAT(Failed(tpm_.AttestParts(parts).tpm), ElementsAre("selection"));
  }
}

TEST_F(QuoteTest, RefusesTwoBanks) {
  QuoteParts parts = tpm_.PartsFor(user_data_);
  parts.selections.push_back({.hash_algorithm = kTpmAlgSha1, .pcrs = {0}});
  EXPECT_THAT(Verify(parts), StatusIs(kUnauthenticated, HasSubstr("+ sha1:0")));
}

TEST_F(QuoteTest, RefusesEmptySelection) {
  QuoteParts parts = tpm_.PartsFor(user_data_);
  parts.selections[0].pcrs.clear();
  TpmEvidence evidence = tpm_.AttestParts(parts).tpm;
  EXPECT_THAT(Failed(evidence), ElementsAre("PCR list", "selection"));
  evidence.pcrs.clear();
  EXPECT_THAT(Failed(evidence), ::testing::Contains("selection"));
}

TEST_F(QuoteTest, RefusesListThatIsNotTheSelection) {
  TpmEvidence missing = Good();
  missing.pcrs.pop_back();
  EXPECT_THAT(Failed(missing), ElementsAre("PCR digest", "PCR list"));

  TpmEvidence extra = Good();
  extra.pcrs.push_back({.index = 16, .sha256 = {}});
  EXPECT_THAT(Failed(extra), ElementsAre("PCR digest", "PCR list"));

  // Same values under other numbers: only the list tells.
  TpmEvidence renamed = Good();
  renamed.pcrs[5].index = 23;
  EXPECT_THAT(Failed(renamed), ElementsAre("PCR list"));

  TpmEvidence twice = Good();
  twice.pcrs[5].index = 4;
  EXPECT_THAT(Failed(twice), ElementsAre("PCR list"));

  TpmEvidence unsorted = Good();
  std::swap(unsorted.pcrs[1], unsorted.pcrs[2]);
  EXPECT_THAT(Failed(unsorted), ElementsAre("PCR list"));
}

TEST_F(QuoteTest, RefusesQuoteOfFewerPcrsThanGiven) {
  QuoteParts parts = tpm_.PartsFor(user_data_);
  parts.selections[0].pcrs.pop_back();
  EXPECT_THAT(Failed(tpm_.AttestParts(parts).tpm), ElementsAre("PCR list"));
}

TEST_F(QuoteTest, RefusesOneValueOff) {
  TpmEvidence evidence = Good();
  evidence.pcrs[9].sha256[31] ^= 1U;
  EXPECT_THAT(Verify(evidence),
              StatusIs(kUnauthenticated, HasSubstr("PCR digest")));
  EXPECT_THAT(Failed(evidence), ElementsAre("PCR digest"));
}

TEST_F(QuoteTest, RefusesDigestOfAnotherLength) {
  QuoteParts parts = tpm_.PartsFor(user_data_);
  parts.pcr_digest.pop_back();
  EXPECT_THAT(Failed(tpm_.AttestParts(parts).tpm), ElementsAre("PCR digest"));
}

TEST_F(QuoteTest, RefusesTrailingByteInStructure) {
  QuoteParts parts = tpm_.PartsFor(user_data_);
  parts.trailing = {0};
  EXPECT_THAT(Verify(parts), StatusIs(kInvalid, HasSubstr("TPMS_ATTEST")));
}

TEST_F(QuoteTest, RefusesAkWithoutEachAttribute) {
  constexpr uint32_t kGood = 0x00050072;
  for (const uint32_t missing :
       {kTpmaRestricted, kTpmaSign, kTpmaFixedTpm, kTpmaFixedParent}) {
    const SoftwareTpm tpm(
        SoftwareTpmOptions{.ak_attributes = kGood & ~missing});
    const Evidence evidence = tpm.AttestParts(tpm.PartsFor(user_data_));
    EXPECT_THAT(Failed(evidence.tpm), ElementsAre("AK attributes")) << missing;
  }
}

TEST_F(QuoteTest, RefusesAkThatAlsoDecrypts) {
  const SoftwareTpm tpm(
      SoftwareTpmOptions{.ak_attributes = 0x00050072 | kTpmaDecrypt});
  EXPECT_THAT(Failed(tpm.AttestParts(tpm.PartsFor(user_data_)).tpm),
              ElementsAre("AK attributes"));
}

TEST_F(QuoteTest, RefusesPointOffTheCurve) {
  TpmEvidence evidence = Good();
  evidence.ak_public.back() ^= 1U;
  EXPECT_THAT(Failed(evidence), ElementsAre("signature"));
}

TEST_F(QuoteTest, RefusesUnreadableKey) {
  TpmEvidence evidence = Good();
  evidence.ak_public.pop_back();
  EXPECT_THAT(Verify(evidence),
              StatusIs(kInvalid, HasSubstr("AK public area")));
}

TEST(QualifyingDataTest, SeparatesItsFields) {
  const Bytes a(64, 1);
  const Bytes report(10, 2);
  EXPECT_NE(QuoteQualifyingData(a, {}), QuoteQualifyingData(a, report));
  Bytes joined = a;
  joined.insert(joined.end(), report.begin(), report.end());
  EXPECT_NE(QuoteQualifyingData(joined, {}), QuoteQualifyingData(a, report));
}

// Pins the format: a change here breaks every node that is running.
TEST(QualifyingDataTest, HasTheDocumentedValue) {
  const Bytes preimage = TpmWriter()
                             .U32(22)
                             .Raw(AsBytes("constellation/v1/quote"))
                             .U32(64)
                             .Raw(Bytes(64, 7))
                             .U32(2)
                             .Raw(Bytes{8, 9})
                             .Take();
  EXPECT_EQ(QuoteQualifyingData(Bytes(64, 7), Bytes{8, 9}),
            crypto::Sha256(preimage));
}

}  // namespace
}  // namespace constellation::attestation
