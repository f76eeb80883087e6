// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/tpm_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "attestation/testing/swtpm_process.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::constellation::testing::SwtpmProcess;
using ::constellation::testing::TempDir;
using ::testing::HasSubstr;

const Bytes kUserData(kUserDataSize, 7);

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

// A dead context must not be used again: the next call opens another.
TEST_F(TpmDeviceTest, OpensTheTpmAgainAfterItWasGone) {
  const std::unique_ptr<Tpm> tpm = Open();
  ASSERT_THAT(tpm->AttestationKey(), IsOk());
  ASSERT_THAT(swtpm_->Reset(), IsOk());
  EXPECT_THAT(tpm->ReadPcrs(1), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(tpm->ReadPcrs(1), IsOk());
  EXPECT_THAT(tpm->Quote(kUserData, 1), IsOk());
}

}  // namespace
}  // namespace constellation::attestation
