// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "attestation/testing/swtpm_process.h"
#include "attestation/tpm/cluster_pcr.h"
#include "attestation/tpm/tpm_device.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::constellation::testing::SwtpmProcess;
using ::constellation::testing::TempDir;
using ::testing::HasSubstr;

const Bytes kClusterId(32, 0xc1);

// A real TPM, one per test.
class ClusterPcrDeviceTest : public ::testing::Test {
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

TEST_F(ClusterPcrDeviceTest, MarksClusterMemberOnce) {
  const std::unique_ptr<Tpm> tpm = Open();
  EXPECT_THAT(IsClusterMember(*tpm), IsOkAndHolds(false));
  ASSERT_THAT(MarkClusterMember(*tpm, kClusterId), IsOk());
  EXPECT_THAT(IsClusterMember(*tpm), IsOkAndHolds(true));
  ASSERT_THAT(MarkClusterMember(*tpm, kClusterId), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::vector<PcrValue> pcrs,
                       tpm->ReadPcrs(1U << 15U));
  EXPECT_EQ(pcrs[0].sha256, ExpectedClusterPcr(kClusterId));
}

TEST_F(ClusterPcrDeviceTest, RefusesSecondCluster) {
  const std::unique_ptr<Tpm> tpm = Open();
  ASSERT_THAT(MarkClusterMember(*tpm, kClusterId), IsOk());
  EXPECT_THAT(MarkClusterMember(*tpm, Bytes(32, 0xc2)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("PCR15: expected")));
  EXPECT_THAT(MarkClusterMember(*tpm, Bytes(31)),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(ClusterPcrDeviceTest, PowerCycleEndsMembership) {
  ASSERT_THAT(MarkClusterMember(*Open(), kClusterId), IsOk());
  ASSERT_THAT(swtpm_->Reset(), IsOk());
  EXPECT_THAT(IsClusterMember(*Open()), IsOkAndHolds(false));
}

TEST_F(ClusterPcrDeviceTest, WantsAWholeId) {
  const std::unique_ptr<Tpm> tpm = Open();
  for (const size_t size : {0U, 31U, 33U}) {
    EXPECT_THAT(MarkClusterMember(*tpm, Bytes(size)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("cluster ID: want 32 bytes")));
  }
  EXPECT_THAT(IsClusterMember(*tpm), IsOkAndHolds(false));
}

// Something else extended the register: nothing but a reset helps.
TEST_F(ClusterPcrDeviceTest, RefusesARegisterThatSomebodyElseExtended) {
  const std::unique_ptr<Tpm> tpm = Open();
  ASSERT_THAT(tpm->ExtendPcr(15, crypto::Sha256(AsBytes("other"))), IsOk());
  EXPECT_THAT(IsClusterMember(*tpm), IsOkAndHolds(true));
  EXPECT_THAT(MarkClusterMember(*tpm, kClusterId),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(ClusterPcrDeviceTest, PassesErrorsOfTheTpmOn) {
  const std::unique_ptr<Tpm> tpm = Open();
  swtpm_.reset();
  EXPECT_THAT(MarkClusterMember(*tpm, kClusterId),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(IsClusterMember(*tpm), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace constellation::attestation
