// SPDX-License-Identifier: Apache-2.0
// Every quote of the vector folder, in whatever form it is stored.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/testing/vectors.h"
#include "attestation/tpm/pcr_file.h"
#include "attestation/tpm/pcr_quote.h"
#include "attestation/tpm/testing/vector_quote.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::LoadVectorQuote;
using ::constellation::testing::ReadVector;
using ::constellation::testing::StatusIs;
using ::constellation::testing::VectorEntry;
using ::constellation::testing::VectorQuote;
using ::constellation::testing::VectorQuotes;
using ::constellation::testing::VectorsFolder;

class PcrQuoteVectorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!VectorsFolder().has_value()) {
      GTEST_SKIP() << kNoVectors;
    }
  }
};

bool Verifies(const VectorQuote& quote) {
  return VerifyPcrQuote(quote.View(), quote.nonce).ok();
}

TEST_F(PcrQuoteVectorsTest, EveryQuoteGetsItsVerdict) {
  size_t valid = 0;
  for (const VectorQuote& quote : VectorQuotes("")) {
    SCOPED_TRACE(quote.path);
    const PcrQuoteVerification result =
        CheckPcrQuote(quote.View(), quote.nonce);
    EXPECT_EQ(result.checks.size(), 11U);
    if (quote.valid && quote.bank == kTpmAlgSha1) {
      for (const QuoteCheck& check : result.checks) {
        EXPECT_EQ(check.passed, check.id != QuoteCheckId::kBank)
            << ToString(check.id) << ": " << check.got;
      }
      continue;
    }
    EXPECT_EQ(result.quote.has_value(), quote.valid)
        << VerifyPcrQuote(quote.View(), quote.nonce).status().ToString();
    valid += quote.valid ? 1 : 0;
  }
  EXPECT_GE(valid, 10U);
}

// One octet of anything that is signed or compared makes it another quote.
TEST_F(PcrQuoteVectorsTest, EveryChangeOfAGenuineQuoteIsRefused) {
  for (const VectorQuote& genuine : VectorQuotes("")) {
    if (!genuine.valid) {
      continue;
    }
    SCOPED_TRACE(genuine.path);
    for (size_t i = 0; i < genuine.attest.size(); ++i) {
      VectorQuote quote = genuine;
      quote.attest[i] ^= static_cast<uint8_t>(1U << (i % 8));
      EXPECT_FALSE(Verifies(quote)) << "attest " << i;
    }
    for (size_t i = 0; i < genuine.registers.size(); ++i) {
      VectorQuote quote = genuine;
      quote.registers[i].second[i % 20] ^= 0x10U;
      EXPECT_FALSE(Verifies(quote)) << "register " << i;
    }
    for (size_t i = 0; i < genuine.signature.size(); i += 5) {
      VectorQuote quote = genuine;
      quote.signature[i] ^= 0x20U;
      EXPECT_FALSE(Verifies(quote)) << "signature " << i;
    }
    for (size_t i = 0; i < genuine.ak.size(); i += 7) {
      VectorQuote quote = genuine;
      quote.ak[i] ^= 0x01U;
      // A public area has octets that are not part of the key: its Name differs
      if (Verifies(quote)) {
        EXPECT_NE(VerifyPcrQuote(quote.View(), quote.nonce)->ak_name(),
                  VerifyPcrQuote(genuine.View(), genuine.nonce)->ak_name())
            << "key " << i;
      }
    }
    VectorQuote other_nonce = genuine;
    other_nonce.nonce[0] ^= 1U;
    EXPECT_FALSE(Verifies(other_nonce));
    VectorQuote other_bank = genuine;
    other_bank.bank =
        genuine.bank == kTpmAlgSha256 ? kTpmAlgSm3 : kTpmAlgSha256;
    EXPECT_FALSE(Verifies(other_bank));
  }
}

TEST_F(PcrQuoteVectorsTest, CertifyFailsByItsTypeAlone) {
  VectorQuote quote =
      LoadVectorQuote(VectorEntry("tpm/parsec-certify.attest.bin"));
  quote.nonce = Bytes(32, 1);
  const PcrQuoteVerification result = CheckPcrQuote(quote.View(), quote.nonce);
  for (const QuoteCheck& check : result.checks) {
    if (check.id == QuoteCheckId::kSignature) {
      EXPECT_TRUE(check.passed) << check.got;
    }
    if (check.id == QuoteCheckId::kType) {
      EXPECT_EQ(check.got, "0x8017 (certify)");
    }
  }
  EXPECT_FALSE(result.quote.has_value());
}

TEST_F(PcrQuoteVectorsTest, PcrFileOfTpm2ToolsGoesWithItsQuote) {
  const std::string stem = "tpm/simulator-rsa-pcr15-16-22";
  const Bytes file = ReadVector(stem + ".tpm2tools-pcrs.bin");
  ASSERT_OK_AND_ASSIGN(const auto banks, ParsePcrFileUnverified(file));
  ASSERT_EQ(banks.size(), 1U);
  const VectorQuote quote = LoadVectorQuote(VectorEntry(stem + ".attest.bin"));
  PcrQuoteUnverified view = quote.View();
  view.bank = banks[0].hash_algorithm;
  view.registers = banks[0].registers;
  ASSERT_OK_AND_ASSIGN(const VerifiedPcrQuote verified,
                       VerifyPcrQuote(view, quote.nonce));
  EXPECT_EQ(verified.indices(), (std::vector<uint32_t>{15, 16, 22}));
  EXPECT_TRUE(std::ranges::equal(verified.pcr(22), Bytes(32, 0xff)));
  for (size_t size = 0; size < file.size(); size += 3) {
    EXPECT_THAT(ParsePcrFileUnverified(std::span(file).first(size)),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

}  // namespace
}  // namespace constellation::attestation
