// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/tpm_attester.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "attestation/testing/swtpm_process.h"
#include "attestation/tpm/cluster_pcr.h"
#include "attestation/tpm/quote.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::constellation::testing::SwtpmProcess;
using ::constellation::testing::TempDir;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Bytes kUserData(kUserDataSize, 7);
const Bytes kClusterId(32, 0xc1);

// A real TPM, one per test.
class TpmAttesterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(swtpm_, SwtpmProcess::StartCopy(dir_.path()));
  }
  std::unique_ptr<TpmAttester> Attester(
      const std::string& log = "/nonexistent") {
    auto attester = TpmAttester::Create(swtpm_->tcti(), "qemu-vtpm", log);
    EXPECT_THAT(attester, IsOk());
    return *std::move(attester);
  }

  TempDir dir_;
  std::unique_ptr<SwtpmProcess> swtpm_;
};

TEST_F(TpmAttesterTest, AttestsForEver) {
  const std::unique_ptr<TpmAttester> attester = Attester();
  for (int i = 0; i < 20; ++i) {
    ASSERT_OK_AND_ASSIGN(const Evidence evidence, attester->Attest(kUserData));
    ASSERT_THAT(VerifyQuote(evidence.tpm, QuoteQualifyingData(kUserData, {})),
                IsOk());
  }
}

// A power cut counts as a failed authorisation of keys under the protection
// against dictionary attacks: the host could make the TPM refuse them for
// hours.
TEST_F(TpmAttesterTest, AttestsAfterManyPowerCuts) {
  for (int i = 0; i < 40; ++i) {
    ASSERT_THAT(Attester()->Attest(kUserData), IsOk()) << i;
    ASSERT_THAT(swtpm_->Reset(), IsOk());
  }
}

TEST_F(TpmAttesterTest, ProcessesComeAndGoWithoutFillingTheTpm) {
  for (int i = 0; i < 8; ++i) {  // a TPM has three slots
    ASSERT_THAT(Attester()->Attest(kUserData), IsOk()) << i;
  }
}

TEST_F(TpmAttesterTest, EvidenceFollowsTheRegisters) {
  const std::unique_ptr<TpmAttester> attester = Attester();
  ASSERT_OK_AND_ASSIGN(const Evidence before, attester->Attest(kUserData));
  ASSERT_THAT(MarkClusterMember(attester->tpm(), kClusterId), IsOk());
  ASSERT_OK_AND_ASSIGN(const Evidence after, attester->Attest(kUserData));
  const auto data = QuoteQualifyingData(kUserData, {});
  ASSERT_OK_AND_ASSIGN(const VerifiedQuote zero, VerifyQuote(before.tpm, data));
  ASSERT_OK_AND_ASSIGN(const VerifiedQuote member,
                       VerifyQuote(after.tpm, data));
  EXPECT_EQ(zero.pcr(15), crypto::Sha256Digest{});
  EXPECT_EQ(member.pcr(15), ExpectedClusterPcr(kClusterId));
  // New registers under the old signature are not believed.
  TpmEvidence mixed = before.tpm;
  mixed.pcrs = after.tpm.pcrs;
  EXPECT_THAT(
      VerifyQuote(mixed, data),
      StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("PCR digest")));
}

TEST_F(TpmAttesterTest, RefusesUserDataOfAnotherSize) {
  EXPECT_THAT(Attester()->Attest(Bytes(63)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want 64 bytes, got 63")));
}

TEST_F(TpmAttesterTest, TakesTheEventLogAlong) {
  const std::string path = dir_.Join("log");
  ASSERT_THAT(WriteFileAtomically(path, "firmware says"), IsOk());
  ASSERT_OK_AND_ASSIGN(const Evidence evidence,
                       Attester(path)->Attest(kUserData));
  EXPECT_EQ(AsText(evidence.tpm.event_log), "firmware says");
}

TEST_F(TpmAttesterTest, LeavesOutLogThatIsMissingOrHuge) {
  ASSERT_OK_AND_ASSIGN(const Evidence none, Attester()->Attest(kUserData));
  EXPECT_THAT(none.tpm.event_log, IsEmpty());
  const std::string path = dir_.Join("log");
  ASSERT_THAT(WriteFileAtomically(path, std::string((1U << 20U) + 1, 'x')),
              IsOk());
  ASSERT_OK_AND_ASSIGN(const Evidence huge, Attester(path)->Attest(kUserData));
  EXPECT_THAT(huge.tpm.event_log, IsEmpty());
}

TEST_F(TpmAttesterTest, ThreadsMayAttestTogetherWhileRegistersChange) {
  const std::unique_ptr<TpmAttester> attester = Attester();
  std::vector<std::thread> threads;
  for (uint8_t i = 0; i < 4; ++i) {
    threads.emplace_back([&attester, i] {
      const Bytes data(kUserDataSize, i);
      for (int round = 0; round < 10; ++round) {
        const auto evidence = attester->Attest(data);
        ASSERT_THAT(evidence, IsOk());
        ASSERT_THAT(VerifyQuote(evidence->tpm, QuoteQualifyingData(data, {})),
                    IsOk());
      }
    });
  }
  for (uint8_t i = 0; i < 10; ++i) {
    EXPECT_THAT(attester->tpm().ExtendPcr(
                    14, crypto::Sha256(std::span<const uint8_t>(&i, 1))),
                IsOk());
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST_F(TpmAttesterTest, SaysUnavailableWhenTheTpmDies) {
  const std::unique_ptr<TpmAttester> attester = Attester();
  swtpm_.reset();
  EXPECT_THAT(attester->Attest(kUserData),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(attester->tpm().ReadPcrs(1),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(TpmAttesterTest, WorksAgainWhenTheTpmIsBack) {
  const std::unique_ptr<TpmAttester> attester = Attester();
  ASSERT_THAT(swtpm_->Reset(), IsOk());
  EXPECT_THAT(attester->Attest(kUserData),
              StatusIs(absl::StatusCode::kUnavailable));
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, attester->Attest(kUserData));
  EXPECT_THAT(VerifyQuote(evidence.tpm, QuoteQualifyingData(kUserData, {})),
              IsOk());
}

TEST_F(TpmAttesterTest, NamesVariantAndKey) {
  const std::unique_ptr<TpmAttester> attester = Attester();
  ASSERT_OK_AND_ASSIGN(const AttestationKeyInfo key,
                       attester->tpm().AttestationKey());
  ASSERT_OK_AND_ASSIGN(const Bytes certificate,
                       attester->tpm().ReadEkCertificate());
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, attester->Attest(kUserData));
  EXPECT_EQ(evidence.variant, "qemu-vtpm");
  EXPECT_EQ(evidence.tpm.ak_public, key.public_area);
  EXPECT_EQ(evidence.tpm.ek_certificate, certificate);
  EXPECT_EQ(evidence.tpm.pcrs.size(), 16U);
  EXPECT_THAT(evidence.hardware_report, IsEmpty());
  EXPECT_THAT(evidence.endorsements, IsEmpty());
}

TEST(TpmAttesterCreateTest, SaysWhenNoTpmIsThere) {
  EXPECT_THAT(TpmAttester::Create("swtpm:path=/nonexistent/socket", "qemu-vtpm",
                                  "/nonexistent"),
              StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace constellation::attestation
