// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/pcr_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "attestation/testing/swtpm_process.h"
#include "attestation/tpm/tpm_operations.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::StatusIs;
using ::constellation::testing::SwtpmOptions;
using ::constellation::testing::SwtpmProcess;
using ::constellation::testing::TempDir;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
const Bytes kData(32, 7);

// A real TPM, one per test.
class PcrCommandsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(swtpm_, SwtpmProcess::StartCopy(dir_.path()));
    ASSERT_OK_AND_ASSIGN(esys_, EsysContext::Open(swtpm_->tcti()));
  }

  TempDir dir_;
  std::unique_ptr<SwtpmProcess> swtpm_;
  std::unique_ptr<EsysContext> esys_;
};

// More than a TPM gives at once.
TEST_F(PcrCommandsTest, ReadsExactlyTheMask) {
  ASSERT_OK_AND_ASSIGN(const std::vector<PcrValue> pcrs,
                       ReadPcrsFrom(*esys_, 0xfffffe));
  ASSERT_EQ(pcrs.size(), 23U);
  for (uint32_t i = 0; i < pcrs.size(); ++i) {
    EXPECT_EQ(pcrs[i].index, i + 1);
  }
}

TEST_F(PcrCommandsTest, RefusesRegistersThatNoTpmHas) {
  for (const uint32_t mask : {0U, 1U << 24U, 0xffffffffU}) {
    EXPECT_THAT(ReadPcrsFrom(*esys_, mask),
                StatusIs(kInvalid, HasSubstr("want some of PCR 0-23")));
    EXPECT_THAT(QuoteWith(*esys_, ESYS_TR_NONE, kData, mask),
                StatusIs(kInvalid, HasSubstr("want some of PCR 0-23")));
  }
}

TEST(PcrCommandsBankTest, SaysWhenTheBankIsOff) {
  const TempDir dir;
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<SwtpmProcess> swtpm,
      SwtpmProcess::Start(dir.path(), SwtpmOptions{.pcr_banks = "sha384"}));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EsysContext> esys,
                       EsysContext::Open(swtpm->tcti()));
  EXPECT_THAT(ReadPcrsFrom(*esys, 0xffff),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("sha256 bank")));
}

TEST_F(PcrCommandsTest, QuotesExactlyTheMask) {
  ASSERT_OK_AND_ASSIGN(const PrimaryKey key,
                       CreateEndorsementPrimary(*esys_, AkTemplate()));
  ASSERT_OK_AND_ASSIGN(
      const TpmQuote quote,
      QuoteWith(*esys_, key.handle.get(), kData, 1U << 4U | 1U << 23U));
  ASSERT_OK_AND_ASSIGN(const AttestUnverified attest,
                       ParseAttestUnverified(quote.attest));
  ASSERT_TRUE(attest.quote.has_value());
  ASSERT_EQ(attest.quote->selections.size(), 1U);
  EXPECT_EQ(attest.quote->selections[0].hash_algorithm, kTpmAlgSha256);
  EXPECT_EQ(attest.quote->selections[0].pcrs, (std::vector<uint32_t>{4, 23}));
  EXPECT_EQ(attest.extra_data, kData);
  ASSERT_OK_AND_ASSIGN(std::vector<PcrValue> pcrs,
                       ReadPcrsFrom(*esys_, 1U << 4U | 1U << 23U));
  EXPECT_TRUE(QuoteCovers(attest, pcrs));
  pcrs[1].sha256[0] ^= 1U;
  EXPECT_FALSE(QuoteCovers(attest, pcrs));
  EXPECT_THAT(QuoteWith(*esys_, key.handle.get(), Bytes(67), 1),
              StatusIs(kInvalid, HasSubstr("TPM buffer")));
}

TEST(QuoteCoversTest, OrderAndNumberCount) {
  std::vector<PcrValue> pcrs(2);
  pcrs[0].sha256.fill(1);
  crypto::Sha256Hasher hasher;
  hasher.Update(pcrs[0].sha256);
  hasher.Update(pcrs[1].sha256);
  const crypto::Sha256Digest digest = hasher.Finish();
  AttestUnverified attest;
  EXPECT_FALSE(QuoteCovers(attest, pcrs));  // not a quote
  attest.quote.emplace();
  EXPECT_FALSE(QuoteCovers(attest, pcrs));
  attest.quote->pcr_digest.assign(digest.begin(), digest.end());
  EXPECT_TRUE(QuoteCovers(attest, pcrs));
  std::swap(pcrs[0], pcrs[1]);
  EXPECT_FALSE(QuoteCovers(attest, pcrs));
  pcrs.pop_back();
  EXPECT_FALSE(QuoteCovers(attest, pcrs));
}

}  // namespace
}  // namespace constellation::attestation
