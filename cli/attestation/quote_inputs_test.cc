// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/quote_inputs.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/testing/software_tpm.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::SoftwareTpm;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(ParsePcrJsonTest, ReadsValuesOfABank) {
  ASSERT_OK_AND_ASSIGN(
      const auto bank,
      ParsePcrJson(R"({"bank": "sha384", "pcrs": {"4": "ab01", "0": "cd"}})"));
  EXPECT_EQ(bank.first, attestation::kTpmAlgSha384);
  EXPECT_THAT(bank.second, ElementsAre(Pair(0U, Bytes{0xcd}),
                                       Pair(4U, Bytes({0xab, 0x01}))));
}

TEST(ParsePcrJsonTest, BankIsSha256UnlessSaid) {
  EXPECT_EQ(ParsePcrJson(R"({"pcrs": {}})")->first, attestation::kTpmAlgSha256);
  EXPECT_THAT(ParsePcrJson(R"({"bank": "md5", "pcrs": {}})"),
              StatusIs(kInvalid, "bank: want sha1, sha256, sha384 or sha512"));
}

TEST(ParsePcrJsonTest, RefusesWhatIsNotThat) {
  for (const char* bad : {"", "[]", "{}", R"({"pcrs": []})", R"({"pcrs": 1})",
                          R"({"pcrs": {}, "pcrs": {}})"}) {
    EXPECT_THAT(ParsePcrJson(bad), StatusIs(kInvalid)) << bad;
  }
  EXPECT_THAT(ParsePcrJson(R"({"pcrs": {"7": 5}})"),
              StatusIs(kInvalid, "pcrs.7: want hex"));
  EXPECT_THAT(ParsePcrJson(R"({"pcrs": {"7": "xy"}})"), StatusIs(kInvalid));
}

// Evidence of one TPM, as files; the rest is left to the tests.
class QuoteInputsTest : public ::testing::Test {
 protected:
  QuoteInputsTest() {
    tpm_.SetPcr(4, crypto::Sha256Digest{4});
    evidence_ = *tpm_.Attest(Bytes(64, 7));
  }
  std::string PcrJson() const {
    std::string pcrs;
    for (const attestation::PcrValue& pcr : evidence_.tpm.pcrs) {
      pcrs += fmt::format("{}\"{}\": \"{}\"", pcrs.empty() ? "" : ", ",
                          pcr.index, HexEncode(pcr.sha256));
    }
    return "{\"bank\": \"sha256\", \"pcrs\": {" + pcrs + "}}";
  }
  std::vector<QuoteInputs> Collect(std::optional<Bytes> nonce = {}) const {
    const VerifyContext context{.set = set_,
                                .now = absl::UnixEpoch(),
                                .nonce = std::move(nonce),
                                .insecure_roots = {}};
    return CollectQuotes(context);
  }

  SoftwareTpm tpm_;
  attestation::Evidence evidence_;
  EvidenceSet set_;
};

TEST_F(QuoteInputsTest, NoQuoteNoInputs) {
  EXPECT_THAT(Collect(), IsEmpty());
}

TEST_F(QuoteInputsTest, PutsFilesTogether) {
  set_.Add("quote", evidence_.tpm.attest, true);
  set_.Add("sig", evidence_.tpm.signature, true);
  set_.Add("ak", evidence_.tpm.ak_public, true);
  set_.Add("pcrs", AsBytes(PcrJson()), true);
  const auto quotes = Collect();
  ASSERT_THAT(quotes, SizeIs(1));
  EXPECT_EQ(quotes[0].file, "quote");
  EXPECT_EQ(quotes[0].signature, evidence_.tpm.signature);
  EXPECT_EQ(quotes[0].ak, evidence_.tpm.ak_public);
  EXPECT_EQ(quotes[0].bank, attestation::kTpmAlgSha256);
  EXPECT_TRUE(quotes[0].all_registers);
  EXPECT_THAT(quotes[0].registers, SizeIs(16));
  EXPECT_EQ(quotes[0].View().registers.size(), 16U);
}

TEST_F(QuoteInputsTest, QuoteAloneLacksEverything) {
  set_.Add("quote", evidence_.tpm.attest, true);
  const auto quotes = Collect();
  ASSERT_THAT(quotes, SizeIs(1));
  EXPECT_THAT(quotes[0].signature, IsEmpty());
  EXPECT_THAT(quotes[0].ak, IsEmpty());
  EXPECT_FALSE(quotes[0].all_registers);
}

TEST_F(QuoteInputsTest, ValuesOfAnotherBankAreNotTaken) {
  set_.Add("quote", evidence_.tpm.attest, true);
  set_.Add("pcrs", AsBytes(R"({"bank": "sha1", "pcrs": {"4": "00"}})"), true);
  EXPECT_THAT(Collect()[0].registers, IsEmpty());
}

TEST_F(QuoteInputsTest, OneMissingRegisterIsNotAll) {
  set_.Add("quote", evidence_.tpm.attest, true);
  set_.Add("pcrs",
           AsBytes(R"({"bank": "sha256", "pcrs": {"4": "00", "23": "00"}})"),
           true);
  const auto quotes = Collect();
  EXPECT_FALSE(quotes[0].all_registers);
  EXPECT_THAT(quotes[0].registers, SizeIs(1));  // 23 was not quoted
}

// The demanded nonce counts, not the one that the attester chose.
TEST_F(QuoteInputsTest, NonceIsTheContextsIfThereIsOne) {
  set_.Add("quote", evidence_.tpm.attest, true);
  EXPECT_THAT(Collect()[0].nonce, SizeIs(32));
  EXPECT_EQ(Collect(Bytes{1, 2})[0].nonce, (Bytes{1, 2}));
}

TEST_F(QuoteInputsTest, PairThatVerifiesIsChosen) {
  SoftwareTpm other;
  const auto stranger = *other.Attest(Bytes(64, 7));
  set_.Add("quote", evidence_.tpm.attest, true);
  set_.Add("sig 1", stranger.tpm.signature, true);
  set_.Add("sig 2", evidence_.tpm.signature, true);
  set_.Add("ak 1", stranger.tpm.ak_public, true);
  set_.Add("ak 2", evidence_.tpm.ak_public, true);
  const auto quotes = Collect();
  ASSERT_THAT(quotes, SizeIs(1));
  EXPECT_EQ(quotes[0].signature, evidence_.tpm.signature);
  EXPECT_EQ(quotes[0].ak, evidence_.tpm.ak_public);
}

// What lies in a folder of collateral is no evidence.
TEST_F(QuoteInputsTest, OnlyGivenFilesCount) {
  set_.Add("quote", evidence_.tpm.attest, true);
  set_.Add("sig", evidence_.tpm.signature, false);
  set_.Add("pcrs", AsBytes(PcrJson()), false);
  const auto quotes = Collect();
  ASSERT_THAT(quotes, SizeIs(1));
  EXPECT_THAT(quotes[0].signature, IsEmpty());
  EXPECT_THAT(quotes[0].registers, IsEmpty());
}

}  // namespace
}  // namespace constellation::cli
