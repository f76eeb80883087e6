// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/node_attester.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/testing/swtpm_process.h"
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
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Bytes kUserData(kUserDataSize, 0x3c);

// A machine that is described by files, with a real software TPM.
class NodeAttesterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(swtpm_, SwtpmProcess::StartCopy(dir_.path()));
    ASSERT_THAT(MakeDirectories(dir_.Join("dmi")), IsOk());
    options_.paths = {.dmi_folder = dir_.Join("dmi"),
                      .tsm_folder = dir_.Join("tsm"),
                      .sev_guest = dir_.Join("sev"),
                      .tdx_guest = dir_.Join("tdx"),
                      .event_log = "/nonexistent",
                      .ccel = "/nonexistent",
                      .tcti = swtpm_->tcti()};
  }
  void SetVendor(const std::string& vendor) {
    ASSERT_THAT(WriteFileAtomically(dir_.Join("dmi/sys_vendor"), vendor + "\n"),
                IsOk());
  }
  // What vouches only for its own TPM shows a quote and nothing else.
  void ExpectVtpmOnly() {
    ASSERT_OK_AND_ASSIGN(const auto attester, NodeAttester::Create(options_));
    EXPECT_EQ(attester->variant(), "qemu-vtpm");
    ASSERT_OK_AND_ASSIGN(const Evidence evidence, attester->Attest(kUserData));
    EXPECT_EQ(evidence.variant, "qemu-vtpm");
    EXPECT_THAT(evidence.hardware_report, IsEmpty());
    EXPECT_THAT(VerifyQuote(evidence.tpm, QuoteQualifyingData(kUserData, {})),
                IsOk());
    EXPECT_THAT(attester->tpm().ReadPcrs(1U << 4U | 1U << 15U),
                constellation::testing::IsOkAndHolds(SizeIs(2)));
  }

  const TempDir dir_;
  std::unique_ptr<SwtpmProcess> swtpm_;
  NodeAttesterOptions options_;
};

TEST_F(NodeAttesterTest, AnOrdinaryQemuMachineHasItsVtpm) {
  SetVendor("QEMU");
  ExpectVtpmOnly();
}

TEST_F(NodeAttesterTest, AnUnknownMachineCountsAsQemu) {
  SetVendor("Nobody Inc.");
  ExpectVtpmOnly();
}

TEST_F(NodeAttesterTest, TheVtpmAloneIfThatIsDemanded) {
  SetVendor("Google");  // would have more to show
  options_.variant = "qemu-vtpm";
  ExpectVtpmOnly();
}

TEST_F(NodeAttesterTest, ACloudsMachineShowsWhatThePlatformHas) {
  SetVendor("Google");
  const TempDir other;
  ASSERT_OK_AND_ASSIGN(const auto second,
                       SwtpmProcess::StartCopy(other.path()));
  options_.register_tcti = second->tcti();
  ASSERT_OK_AND_ASSIGN(const auto attester, NodeAttester::Create(options_));
  EXPECT_EQ(attester->variant(), "gcp-sev-es");
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, attester->Attest(kUserData));
  EXPECT_EQ(evidence.variant, "gcp-sev-es");
  EXPECT_THAT(attester->tpm().ReadPcrs(1U << 15U),
              constellation::testing::IsOkAndHolds(SizeIs(1)));
}

TEST_F(NodeAttesterTest, RefusesAMachineThatIsNotWhatIsDemanded) {
  SetVendor("QEMU");
  options_.variant = "qemu-sev-snp";
  EXPECT_THAT(NodeAttester::Create(options_),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("qemu-sev-snp"), HasSubstr("qemu-vtpm"),
                             HasSubstr("guest driver"))));
}

TEST_F(NodeAttesterTest, DriversDecideWhetherThereIsMoreThanAVtpm) {
  SetVendor("QEMU");
  EXPECT_FALSE(DetectNodePlatform(options_.paths).has_platform_evidence);
  ASSERT_THAT(WriteFileAtomically(options_.paths.sev_guest, ""), IsOk());
  const NodePlatform snp = DetectNodePlatform(options_.paths);
  EXPECT_TRUE(snp.has_platform_evidence);
  EXPECT_EQ(snp.cloud, CloudKind::kQemu);
  SetVendor("Amazon EC2");
  EXPECT_EQ(DetectNodePlatform(options_.paths).cloud, CloudKind::kAws);
}

TEST_F(NodeAttesterTest, CloudsVouchWithoutACpusReport) {
  for (const char* vendor : {"Amazon EC2", "Google"}) {
    SetVendor(vendor);
    EXPECT_TRUE(DetectNodePlatform(options_.paths).has_platform_evidence)
        << vendor;
  }
}

TEST_F(NodeAttesterTest, NoTpmIsUnavailable) {
  SetVendor("QEMU");
  options_.paths.tcti = "device:/nonexistent/tpm";
  EXPECT_FALSE(NodeAttester::Create(options_).ok());
}

}  // namespace
}  // namespace constellation::attestation
