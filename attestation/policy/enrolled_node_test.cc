// SPDX-License-Identifier: Apache-2.0
// From enrolment to verdict with real TPMs, as the owner, a node and a service
// go through it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "attestation/policy/appraisal.h"
#include "attestation/same_image.h"
#include "attestation/testing/swtpm_process.h"
#include "attestation/tpm/cluster_pcr.h"
#include "attestation/tpm/enrollment.h"
#include "attestation/tpm/tpm_attester.h"
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
using ::testing::Not;

const Bytes kUserData(kUserDataSize, 7);
const Bytes kClusterId(32, 0xc1);
const absl::Time kNow = absl::FromUnixSeconds(1'780'000'000);
constexpr auto kDenied = absl::StatusCode::kPermissionDenied;

class EnrolledNodeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(swtpm_, SwtpmProcess::StartCopy(dir_.path()));
    ASSERT_OK_AND_ASSIGN(enrolled_, EnrollTpm(swtpm_->tcti()));
    Boot();
  }

  // What firmware, boot loader and stub do.
  void Boot() {
    ASSERT_OK_AND_ASSIGN(
        attester_,
        TpmAttester::Create(swtpm_->tcti(), "qemu-vtpm", "/nonexistent"));
    for (const uint32_t index : {4U, 9U, 11U}) {
      ASSERT_THAT(
          attester_->tpm().ExtendPcr(index, crypto::Sha256(Bytes(1, 'i'))),
          IsOk());
    }
  }

  Policy PolicyFor(const EnrolledTpm& tpm) {
    const auto pcrs = attester_->tpm().ReadPcrs(kSameImagePcrMask);
    EXPECT_THAT(pcrs, IsOk());
    auto policy = PolicyOfPeersLike(kVariantQemuVtpm, *pcrs,
                                    {{.node_name = "node-0",
                                      .role = std::string(kRoleWorker),
                                      .tpm = tpm}});
    EXPECT_THAT(policy, IsOk());
    return *std::move(policy);
  }

  absl::Status Judge(const Policy& policy, const ClusterState& state) {
    const auto evidence = attester_->Attest(kUserData);
    EXPECT_THAT(evidence, IsOk());
    return ToStatus(Appraise(*evidence, kUserData, state, policy, kNow));
  }

  TempDir dir_;
  std::unique_ptr<SwtpmProcess> swtpm_;
  EnrolledTpm enrolled_;
  std::unique_ptr<TpmAttester> attester_;
};

TEST_F(EnrolledNodeTest, IsAdmittedThenVerifiedAsMember) {
  const Policy policy = PolicyFor(enrolled_);
  EXPECT_THAT(Judge(policy, ClusterState::None()), IsOk());
  EXPECT_THAT(Judge(policy, ClusterState::MemberOf(kClusterId)),
              StatusIs(kDenied, HasSubstr("PCR15: expected")));
  ASSERT_THAT(MarkClusterMember(attester_->tpm(), kClusterId), IsOk());
  EXPECT_THAT(Judge(policy, ClusterState::MemberOf(kClusterId)), IsOk());
  EXPECT_THAT(Judge(policy, ClusterState::MemberOf(Bytes(32, 0xc2))),
              StatusIs(kDenied, HasSubstr("PCR15: expected")));
}

TEST_F(EnrolledNodeTest, RunningMemberGetsNoTicketUntilItReboots) {
  const Policy policy = PolicyFor(enrolled_);
  ASSERT_THAT(MarkClusterMember(attester_->tpm(), kClusterId), IsOk());
  EXPECT_THAT(Judge(policy, ClusterState::None()),
              StatusIs(kDenied, HasSubstr("PCR15: expected")));
  attester_.reset();
  ASSERT_THAT(swtpm_->Reset(), IsOk());
  Boot();
  EXPECT_THAT(Judge(policy, ClusterState::None()), IsOk());
}

TEST_F(EnrolledNodeTest, ChangedBootIsNamedByItsRegister) {
  const Policy policy = PolicyFor(enrolled_);
  ASSERT_THAT(
      attester_->tpm().ExtendPcr(12, crypto::Sha256(AsBytes("init=/bin/sh"))),
      IsOk());
  EXPECT_THAT(Judge(policy, ClusterState::None()),
              StatusIs(kDenied, AllOf(HasSubstr("PCR12: expected 0000"),
                                      Not(HasSubstr("PCR11:")))));
}

TEST_F(EnrolledNodeTest, TpmOfAnotherMachineIsRefused) {
  const TempDir dir;
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<SwtpmProcess> other,
                       SwtpmProcess::Start(dir.path()));
  ASSERT_OK_AND_ASSIGN(const EnrolledTpm foreign, EnrollTpm(other->tcti()));
  EXPECT_NE(foreign, enrolled_);
  EXPECT_THAT(Judge(PolicyFor(foreign), ClusterState::None()),
              StatusIs(kDenied, AllOf(HasSubstr("tpm AK enrolled"),
                                      HasSubstr("tpm EK certificate"))));
  // Right certificate, other AK; and the other way round.
  EXPECT_THAT(
      Judge(PolicyFor({.ek_certificate_sha256 = enrolled_.ek_certificate_sha256,
                       .ak_name = foreign.ak_name}),
            ClusterState::None()),
      StatusIs(kDenied, HasSubstr("tpm AK enrolled")));
  EXPECT_THAT(
      Judge(PolicyFor({.ek_certificate_sha256 = foreign.ek_certificate_sha256,
                       .ak_name = enrolled_.ak_name}),
            ClusterState::None()),
      StatusIs(kDenied, AllOf(HasSubstr("tpm EK certificate"),
                              Not(HasSubstr("tpm AK enrolled")))));
}

}  // namespace
}  // namespace constellation::attestation
