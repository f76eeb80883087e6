// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/pcr_quote.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>

#include "attestation/testing/software_tpm.h"
#include "attestation/tpm/testing/quote_signer.h"
#include "attestation/tpm/tpm_hash.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::MarshalAttest;
using ::constellation::testing::QuoteParts;
using ::constellation::testing::QuoteSigner;
using ::constellation::testing::SignerKind;
using ::constellation::testing::StatusIs;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kDenied = absl::StatusCode::kPermissionDenied;
constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;

// A quote that owns its octets.
struct Quote {
  Bytes attest, signature, ak;
  uint16_t bank = 0;
  std::vector<Bytes> values;
  std::vector<uint32_t> indices;

  PcrQuoteUnverified View() const {
    PcrQuoteUnverified view{.attest = attest,
                            .signature = signature,
                            .ak = ak,
                            .bank = bank,
                            .registers = {}};
    for (size_t i = 0; i < values.size(); ++i) {
      view.registers.push_back({.index = indices[i], .value = values[i]});
    }
    return view;
  }
};

const Bytes& Nonce() {
  static const Bytes& nonce = *new Bytes(20, 0x5a);
  return nonce;
}

QuoteParts PartsOf(uint16_t bank, uint16_t hash,
                   const std::vector<Bytes>& values) {
  Bytes all;
  for (const Bytes& value : values) {
    all.insert(all.end(), value.begin(), value.end());
  }
  QuoteParts parts;
  parts.extra_data = Nonce();
  parts.selections = {{.hash_algorithm = bank, .pcrs = {0, 4, 23}}};
  parts.pcr_digest = *TpmDigest(hash, all);
  return parts;
}

Quote MakeQuote(const QuoteSigner& signer, uint16_t bank, uint16_t hash) {
  const size_t size = *TpmDigestSize(bank);
  Quote quote{.attest = {},
              .signature = {},
              .ak = signer.Tpmt(),
              .bank = bank,
              .values = {Bytes(size, 1), Bytes(size, 2), Bytes(size, 0)},
              .indices = {0, 4, 23}};
  quote.attest = MarshalAttest(PartsOf(bank, hash, quote.values));
  quote.signature = signer.SignTpmt(quote.attest);
  return quote;
}

std::set<std::string_view> Failed(const Quote& quote) {
  std::set<std::string_view> names;
  for (const QuoteCheck& check : CheckPcrQuote(quote.View(), Nonce()).checks) {
    if (!check.passed) {
      names.insert(ToString(check.id));
    }
  }
  return names;
}

absl::StatusOr<VerifiedPcrQuote> Verify(const Quote& quote) {
  return VerifyPcrQuote(quote.View(), Nonce());
}

// Making RSA keys takes long: one of each kind for all tests, and another.
const QuoteSigner& Signer(SignerKind kind, uint16_t hash, bool other = false) {
  static auto& signers = *new std::map<std::tuple<SignerKind, uint16_t, bool>,
                                       std::unique_ptr<QuoteSigner>>();
  auto& signer = signers[{kind, hash, other}];
  if (signer == nullptr) {
    signer = std::make_unique<QuoteSigner>(kind, hash);
  }
  return *signer;
}

// Every scheme, hash and bank.
class EveryQuoteTest : public ::testing::TestWithParam<
                           std::tuple<SignerKind, uint16_t, uint16_t>> {
 protected:
  EveryQuoteTest()
      : hash_(std::get<1>(GetParam())),
        bank_(std::get<2>(GetParam())),
        signer_(Signer(std::get<0>(GetParam()), hash_)),
        quote_(MakeQuote(signer_, bank_, hash_)) {}
  bool rsa() const { return std::get<0>(GetParam()) <= SignerKind::kRsapss; }

  const uint16_t hash_;
  const uint16_t bank_;
  const QuoteSigner& signer_;
  Quote quote_;
};

TEST_P(EveryQuoteTest, VerifiesWithPublicArea) {
  ASSERT_OK_AND_ASSIGN(const VerifiedPcrQuote quote, Verify(quote_));
  EXPECT_EQ(quote.bank(), bank_);
  EXPECT_EQ(quote.ak_spki(), signer_.Spki());
  EXPECT_TRUE(std::ranges::equal(quote.ak_name(), *NameOf(quote_.ak)));
  EXPECT_EQ(quote.nonce(), Nonce());
  EXPECT_THAT(quote.indices(), ElementsAre(0, 4, 23));
  EXPECT_TRUE(std::ranges::equal(quote.pcr(4), quote_.values[1]));
  EXPECT_TRUE(quote.pcr(5).empty());
  EXPECT_THAT(Failed(quote_), IsEmpty());
}

TEST_P(EveryQuoteTest, VerifiesWithBareKeyAndTpmtSignature) {
  quote_.ak = signer_.Spki();
  ASSERT_OK_AND_ASSIGN(const VerifiedPcrQuote quote, Verify(quote_));
  EXPECT_EQ(quote.ak_spki(), signer_.Spki());
  EXPECT_TRUE(quote.ak_name().empty());
}

TEST_P(EveryQuoteTest, VerifiesWithBareSignature) {
  quote_.signature = signer_.Sign(quote_.attest);
  EXPECT_THAT(Verify(quote_), IsOk());
}

TEST_P(EveryQuoteTest, VerifiesWithNothingButKeyAndBareSignature) {
  quote_.ak = rsa() ? signer_.Spki() : signer_.Point();
  quote_.signature = signer_.Sign(quote_.attest);
  if (std::get<0>(GetParam()) == SignerKind::kRsapss) {
    // Nothing says that it is PSS.
    EXPECT_THAT(Failed(quote_), ElementsAre("signature"));
    return;
  }
  ASSERT_OK_AND_ASSIGN(const VerifiedPcrQuote quote, Verify(quote_));
  EXPECT_EQ(quote.ak_spki(), signer_.Spki());
}

TEST_P(EveryQuoteTest, RefusesOtherKey) {
  const QuoteSigner& other =
      Signer(std::get<0>(GetParam()), hash_, /*other=*/true);
  quote_.ak = other.Tpmt();
  EXPECT_THAT(Failed(quote_), ElementsAre("signature"));
  quote_.ak = other.Spki();
  EXPECT_THAT(Failed(quote_), ElementsAre("signature"));
}

TEST_P(EveryQuoteTest, RefusesOtherValue) {
  quote_.values[0][0] ^= 1U;
  EXPECT_THAT(Failed(quote_), ElementsAre("PCR digest"));
}

INSTANTIATE_TEST_SUITE_P(
    All, EveryQuoteTest,
    ::testing::Combine(
        ::testing::Values(SignerKind::kRsassa, SignerKind::kRsapss,
                          SignerKind::kP256, SignerKind::kP384),
        ::testing::Values(kTpmAlgSha256, kTpmAlgSha384, kTpmAlgSha512),
        ::testing::Values(kTpmAlgSha256, kTpmAlgSha384)));

class PcrQuoteTest : public ::testing::Test {
 protected:
  // Signs other fields.
  Quote With(const QuoteParts& parts) const {
    Quote quote = MakeQuote(signer_, kTpmAlgSha256, kTpmAlgSha256);
    quote.attest = MarshalAttest(parts);
    quote.signature = signer_.SignTpmt(quote.attest);
    return quote;
  }
  Quote Good() const {
    return MakeQuote(signer_, kTpmAlgSha256, kTpmAlgSha256);
  }
  QuoteParts GoodParts() const {
    return PartsOf(kTpmAlgSha256, kTpmAlgSha256, Good().values);
  }
  const QuoteSigner signer_{SignerKind::kP256, kTpmAlgSha256};
};

TEST_F(PcrQuoteTest, MakesEveryCheckEvenOfNothing) {
  const PcrQuoteVerification result = CheckPcrQuote({}, Nonce());
  EXPECT_EQ(result.checks.size(), 11U);
  EXPECT_FALSE(result.quote.has_value());
  for (const QuoteCheck& check : result.checks) {
    EXPECT_FALSE(check.passed) << ToString(check.id);
    EXPECT_FALSE(check.expected.empty()) << ToString(check.id);
    EXPECT_FALSE(check.got.empty()) << ToString(check.id);
  }
}

TEST_F(PcrQuoteTest, GenuineSha1BankFailsByTheBankAlone) {
  const Quote quote = MakeQuote(signer_, kTpmAlgSha1, kTpmAlgSha256);
  EXPECT_THAT(Failed(quote), ElementsAre("bank"));
  EXPECT_THAT(
      Verify(quote),
      StatusIs(kDenied, HasSubstr("bank: expected sha256, sha384 or sha512, "
                                  "got sha1; two different boots")));
}

TEST_F(PcrQuoteTest, RefusesSha1SchemeOfKeyAndSignature) {
  const QuoteSigner weak(SignerKind::kRsassa, kTpmAlgSha1);
  Quote quote = MakeQuote(weak, kTpmAlgSha256, kTpmAlgSha1);
  EXPECT_THAT(Failed(quote), ElementsAre("signature"));
  quote.ak = weak.Spki();
  EXPECT_THAT(Failed(quote), Contains("signature"));
}

TEST_F(PcrQuoteTest, RefusesBankOfOtherLengthUnderTheSameName) {
  Quote quote = MakeQuote(signer_, kTpmAlgSha384, kTpmAlgSha256);
  quote.bank = kTpmAlgSha256;
  EXPECT_THAT(Failed(quote), ElementsAre("PCR list"));
}

TEST_F(PcrQuoteTest, RefusesBankThatIsNotTheSelections) {
  Quote quote = Good();
  quote.bank = kTpmAlgSm3;  // digests of the same length
  EXPECT_THAT(Failed(quote), ElementsAre("PCR list", "bank"));
}

// Moving an octet from one register to the next keeps the digest's input.
TEST_F(PcrQuoteTest, RefusesValuesCutElsewhere) {
  Quote quote = Good();
  quote.values[0].push_back(quote.values[1].front());
  quote.values[1].erase(quote.values[1].begin());
  EXPECT_THAT(Failed(quote), ElementsAre("PCR list"));
}

TEST_F(PcrQuoteTest, RefusesTwoBanksAndNone) {
  QuoteParts two = GoodParts();
  two.selections.push_back({.hash_algorithm = kTpmAlgSha1, .pcrs = {0}});
  EXPECT_THAT(Failed(With(two)), ElementsAre("PCR list", "selection"));
  QuoteParts none = GoodParts();
  none.selections.clear();
  EXPECT_THAT(Failed(With(none)), ElementsAre("PCR list", "selection"));
  QuoteParts empty = GoodParts();
  empty.selections[0].pcrs.clear();
  EXPECT_THAT(Failed(With(empty)), ElementsAre("PCR list", "selection"));
}

TEST_F(PcrQuoteTest, RefusesMagicTypeAndNonce) {
  QuoteParts magic = GoodParts();
  magic.magic ^= 0x80U;
  EXPECT_THAT(Failed(With(magic)), ElementsAre("magic"));
  QuoteParts nonce = GoodParts();
  nonce.extra_data.push_back(0);
  EXPECT_THAT(Failed(With(nonce)), ElementsAre("qualifying data"));
  static constexpr uint16_t kTypes[] = {0x8014, 0x8015, 0x8017, 0x8019, 0x801a};
  for (const uint16_t type : kTypes) {
    QuoteParts parts = GoodParts();
    parts.type = type;
    EXPECT_THAT(Failed(With(parts)), Contains("type")) << type;
  }
  EXPECT_FALSE(CheckPcrQuote(Good().View(), {}).quote.has_value());
}

TEST_F(PcrQuoteTest, LooksAtAttributesWhereItHasThem) {
  Quote quote = Good();
  quote.ak = signer_.Tpmt(0x00050072U & ~kTpmaRestricted);
  EXPECT_THAT(Failed(quote), ElementsAre("AK attributes"));
  quote.ak = signer_.Tpmt(0x00050072U | kTpmaDecrypt);
  EXPECT_THAT(Failed(quote), ElementsAre("AK attributes"));
}

TEST_F(PcrQuoteTest, RefusesSignatureWithMoreBehindIt) {
  Quote quote = Good();
  quote.signature.push_back(0);
  EXPECT_THAT(Failed(quote), ElementsAre("signature"));
  quote.signature = signer_.Sign(quote.attest);
  quote.signature.push_back(0);
  EXPECT_THAT(Failed(quote), ElementsAre("signature"));
}

TEST_F(PcrQuoteTest, RefusesSignatureOfAnotherSchemeThanTheKeys) {
  const QuoteSigner rsa(SignerKind::kRsassa, kTpmAlgSha256);
  Quote quote = Good();
  quote.signature = rsa.SignTpmt(quote.attest);
  EXPECT_THAT(Failed(quote), ElementsAre("signature"));
  quote.ak = signer_.Spki();
  EXPECT_THAT(
      Verify(quote),
      StatusIs(kUnauthenticated, HasSubstr("rsassa does not fit an ecc key")));
}

TEST_F(PcrQuoteTest, StatusSaysWhatIsMalformed) {
  Quote quote = Good();
  quote.ak.pop_back();
  EXPECT_THAT(Verify(quote), StatusIs(kInvalid, HasSubstr("AK public area")));
  quote = Good();
  quote.ak = {0x05};
  EXPECT_THAT(Verify(quote),
              StatusIs(kInvalid, HasSubstr("got first octet 0x05")));
  quote = Good();
  quote.attest.pop_back();
  EXPECT_THAT(Verify(quote), StatusIs(kInvalid, HasSubstr("structure")));
}

}  // namespace
}  // namespace constellation::attestation
