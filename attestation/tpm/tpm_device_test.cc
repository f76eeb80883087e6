// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/tpm_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "attestation/testing/swtpm_process.h"
#include "attestation/tpm/cluster_pcr.h"
#include "attestation/tpm/quote.h"
#include "attestation/tpm/tpm_attester.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::constellation::testing::SwtpmOptions;
using ::constellation::testing::SwtpmProcess;
using ::constellation::testing::TempDir;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Bytes kUserData(kUserDataSize, 7);
const Bytes kClusterId(32, 0xc1);

// A real TPM, one per test.
class TpmDeviceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(swtpm_, SwtpmProcess::StartCopy(dir_.path()));
  }
  std::unique_ptr<Tpm> Open() {
    auto tpm = Tpm::Open(swtpm_->tcti());
    EXPECT_THAT(tpm, IsOk());
    return *std::move(tpm);
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

TEST_F(TpmDeviceTest, ReadsAllRegisters) {
  ASSERT_OK_AND_ASSIGN(const std::vector<PcrValue> pcrs,
                       Open()->ReadPcrs(0xffffff));
  ASSERT_EQ(pcrs.size(), 24U);
  crypto::Sha256Digest ones;
  ones.fill(0xff);
  for (uint32_t i = 0; i < pcrs.size(); ++i) {
    EXPECT_EQ(pcrs[i].index, i);
    const bool dynamic = i >= 17 && i <= 22;
    EXPECT_EQ(pcrs[i].sha256, dynamic ? ones : crypto::Sha256Digest{}) << i;
  }
}

TEST_F(TpmDeviceTest, ExtendsOneRegister) {
  const std::unique_ptr<Tpm> tpm = Open();
  const crypto::Sha256Digest digest = crypto::Sha256(AsBytes("x"));
  ASSERT_THAT(tpm->ExtendPcr(12, digest), IsOk());
  crypto::Sha256Hasher hasher;
  hasher.Update(crypto::Sha256Digest{});
  hasher.Update(digest);
  ASSERT_OK_AND_ASSIGN(const std::vector<PcrValue> pcrs,
                       tpm->ReadPcrs(1U << 12U | 1U << 13U));
  EXPECT_EQ(pcrs[0].sha256, hasher.Finish());
  EXPECT_EQ(pcrs[1].sha256, crypto::Sha256Digest{});
}

TEST_F(TpmDeviceTest, RefusesMasksAndIndicesOutsideTheTpm) {
  const std::unique_ptr<Tpm> tpm = Open();
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(tpm->ReadPcrs(1U << 24U), StatusIs(kInvalid));
  EXPECT_THAT(tpm->ReadPcrs(0), StatusIs(kInvalid));
  EXPECT_THAT(tpm->ExtendPcr(24, {}), StatusIs(kInvalid));
  EXPECT_THAT(tpm->Quote(kUserData, 0), StatusIs(kInvalid));
  EXPECT_THAT(tpm->Quote(Bytes(67), 1), StatusIs(kInvalid));
}

TEST_F(TpmDeviceTest, SaysWhenTheBankIsOff) {
  const TempDir dir;
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<SwtpmProcess> swtpm,
      SwtpmProcess::Start(dir.path(), SwtpmOptions{.pcr_banks = "sha384"}));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Tpm> tpm,
                       Tpm::Open(swtpm->tcti()));
  EXPECT_THAT(tpm->ReadPcrs(0xffff),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("sha256 bank")));
}

TEST_F(TpmDeviceTest, AkIsTheSameForEverInOneTpm) {
  ASSERT_OK_AND_ASSIGN(const AttestationKeyInfo first,
                       Open()->AttestationKey());
  ASSERT_OK_AND_ASSIGN(const AttestationKeyInfo again,
                       Open()->AttestationKey());
  ASSERT_THAT(swtpm_->Reset(), IsOk());
  ASSERT_OK_AND_ASSIGN(const AttestationKeyInfo after_reset,
                       Open()->AttestationKey());
  EXPECT_EQ(first.name, again.name);
  EXPECT_EQ(first.name, after_reset.name);
  EXPECT_EQ(first.public_area, after_reset.public_area);

  const TempDir other_dir;
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<SwtpmProcess> other,
                       SwtpmProcess::Start(other_dir.path()));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Tpm> other_tpm,
                       Tpm::Open(other->tcti()));
  ASSERT_OK_AND_ASSIGN(const AttestationKeyInfo foreign,
                       other_tpm->AttestationKey());
  EXPECT_NE(first.name, foreign.name);
}

TEST_F(TpmDeviceTest, AkHasTheDemandedAttributes) {
  ASSERT_OK_AND_ASSIGN(const AttestationKeyInfo ak, Open()->AttestationKey());
  ASSERT_OK_AND_ASSIGN(const PublicAreaUnverified area,
                       ParsePublicAreaUnverified(ak.public_area));
  EXPECT_EQ(area.attributes, 0x00050472U);
  EXPECT_EQ(area.ecc_curve, kTpmEccNistP256);
  EXPECT_EQ(area.scheme, kTpmAlgEcdsa);
  EXPECT_EQ(area.scheme_hash, kTpmAlgSha256);
}

TEST_F(TpmDeviceTest, AttestsForEver) {
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
TEST_F(TpmDeviceTest, AttestsAfterManyPowerCuts) {
  for (int i = 0; i < 40; ++i) {
    ASSERT_THAT(Attester()->Attest(kUserData), IsOk()) << i;
    ASSERT_THAT(swtpm_->Reset(), IsOk());
  }
}

TEST_F(TpmDeviceTest, ProcessesComeAndGoWithoutFillingTheTpm) {
  for (int i = 0; i < 8; ++i) {  // a TPM has three slots
    ASSERT_THAT(Attester()->Attest(kUserData), IsOk()) << i;
  }
}

TEST_F(TpmDeviceTest, EvidenceFollowsTheRegisters) {
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

TEST_F(TpmDeviceTest, RefusesUserDataOfAnotherSize) {
  EXPECT_THAT(Attester()->Attest(Bytes(63)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want 64 bytes, got 63")));
}

TEST_F(TpmDeviceTest, TakesTheEventLogAlong) {
  const std::string path = dir_.Join("log");
  ASSERT_THAT(WriteFileAtomically(path, "firmware says"), IsOk());
  ASSERT_OK_AND_ASSIGN(const Evidence evidence,
                       Attester(path)->Attest(kUserData));
  EXPECT_EQ(AsText(evidence.tpm.event_log), "firmware says");
}

TEST_F(TpmDeviceTest, LeavesOutLogThatIsMissingOrHuge) {
  ASSERT_OK_AND_ASSIGN(const Evidence none, Attester()->Attest(kUserData));
  EXPECT_THAT(none.tpm.event_log, IsEmpty());
  const std::string path = dir_.Join("log");
  ASSERT_THAT(WriteFileAtomically(path, std::string((1U << 20U) + 1, 'x')),
              IsOk());
  ASSERT_OK_AND_ASSIGN(const Evidence huge, Attester(path)->Attest(kUserData));
  EXPECT_THAT(huge.tpm.event_log, IsEmpty());
}

TEST_F(TpmDeviceTest, ThreadsMayAttestTogetherWhileRegistersChange) {
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

TEST_F(TpmDeviceTest, SaysUnavailableWhenTheTpmDies) {
  const std::unique_ptr<TpmAttester> attester = Attester();
  swtpm_.reset();
  EXPECT_THAT(attester->Attest(kUserData),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(attester->tpm().ReadPcrs(1),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(TpmDeviceTest, WorksAgainWhenTheTpmIsBack) {
  const std::unique_ptr<TpmAttester> attester = Attester();
  ASSERT_THAT(swtpm_->Reset(), IsOk());
  EXPECT_THAT(attester->Attest(kUserData),
              StatusIs(absl::StatusCode::kUnavailable));
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, attester->Attest(kUserData));
  EXPECT_THAT(VerifyQuote(evidence.tpm, QuoteQualifyingData(kUserData, {})),
              IsOk());
}

TEST_F(TpmDeviceTest, MarksClusterMemberOnce) {
  const std::unique_ptr<Tpm> tpm = Open();
  EXPECT_THAT(IsClusterMember(*tpm), IsOkAndHolds(false));
  ASSERT_THAT(MarkClusterMember(*tpm, kClusterId), IsOk());
  EXPECT_THAT(IsClusterMember(*tpm), IsOkAndHolds(true));
  ASSERT_THAT(MarkClusterMember(*tpm, kClusterId), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::vector<PcrValue> pcrs,
                       tpm->ReadPcrs(1U << 15U));
  EXPECT_EQ(pcrs[0].sha256, ExpectedClusterPcr(kClusterId));
}

TEST_F(TpmDeviceTest, RefusesSecondCluster) {
  const std::unique_ptr<Tpm> tpm = Open();
  ASSERT_THAT(MarkClusterMember(*tpm, kClusterId), IsOk());
  EXPECT_THAT(MarkClusterMember(*tpm, Bytes(32, 0xc2)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("PCR15: expected")));
  EXPECT_THAT(MarkClusterMember(*tpm, Bytes(31)),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(TpmDeviceTest, PowerCycleEndsMembership) {
  ASSERT_THAT(MarkClusterMember(*Open(), kClusterId), IsOk());
  ASSERT_THAT(swtpm_->Reset(), IsOk());
  EXPECT_THAT(IsClusterMember(*Open()), IsOkAndHolds(false));
}

// Pins the formula that `verify` and every node agree on.
TEST(ClusterPcrTest, IsOneExtendOfTheHashedId) {
  Bytes preimage(32, 0);
  const crypto::Sha256Digest id = crypto::Sha256(kClusterId);
  preimage.insert(preimage.end(), id.begin(), id.end());
  EXPECT_EQ(ExpectedClusterPcr(kClusterId), crypto::Sha256(preimage));
}

}  // namespace
}  // namespace constellation::attestation
