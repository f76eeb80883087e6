// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/cloud_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "attestation/testing/software_tpm.h"
#include "cli/exit_code.h"
#include "cli/testing/fake_world.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using attestation::ClusterState;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

attestation::Policy AnyPolicy() {
  return *attestation::Policy::Create({testing::FakeWorld::ImageProfile()}, {});
}

class CloudVerifierTest : public ::testing::Test {
 protected:
  absl::Status Verify(const std::vector<ClusterState>& accepted) {
    const VerifyNode verify = MakeCloudNodeVerifier(
        AnyPolicy(), accepted, appraise_,
        [this](const attestation::Evidence& /*evidence*/) {
          ++admitted_;
          return admission_;
        });
    return verify(attestation::Evidence{}, {});
  }

  std::vector<ClusterState::Kind> asked_;
  std::vector<absl::Status> answers_;
  AppraiseCloudNode appraise_ = [this](
                                    const attestation::Evidence& /*evidence*/,
                                    std::span<const uint8_t> /*user_data*/,
                                    const ClusterState& expected,
                                    const attestation::Policy& /*policy*/) {
    asked_.push_back(expected.kind());
    return answers_.at(asked_.size() - 1);
  };
  absl::Status admission_;
  int admitted_ = 0;
};

TEST_F(CloudVerifierTest, TriesEveryAcceptedState) {
  answers_ = {PermissionDenied("PCR15"), absl::OkStatus()};
  const Bytes id(32, 1);
  EXPECT_THAT(Verify({ClusterState::None(), ClusterState::MemberOf(id)}),
              IsOk());
  EXPECT_EQ(asked_.size(), 2U);
  EXPECT_EQ(admitted_, 1);
}

TEST_F(CloudVerifierTest, RefusesWhatNoStateFits) {
  answers_ = {PermissionDenied("PCR4: expected aa, got bb")};
  const absl::Status status = Verify({ClusterState::None()});
  EXPECT_TRUE(IsRefusal(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("PCR4"));
  EXPECT_EQ(admitted_, 0);
}

// A vendor that does not answer refuses nobody; trying again may help.
TEST_F(CloudVerifierTest, MissingCollateralIsNoRefusal) {
  answers_ = {Unavailable("AMD's service does not answer"),
              AsUnchecked(FailedPrecondition("offline"))};
  for (const auto code : {absl::StatusCode::kUnavailable,
                          absl::StatusCode::kFailedPrecondition}) {
    const absl::Status status = Verify({ClusterState::None()});
    EXPECT_THAT(status, StatusIs(code));
    EXPECT_FALSE(IsRefusal(status));
  }
  EXPECT_EQ(admitted_, 0);
}

TEST_F(CloudVerifierTest, AdmissionMayEndTheCall) {
  answers_ = {absl::OkStatus()};
  admission_ = Unavailable("another node");
  EXPECT_THAT(Verify({ClusterState::None()}),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(CloudVerifierTest, AcceptsNothingByDefault) {
  EXPECT_TRUE(IsRefusal(Verify({})));
}

TEST(AttestationKeyTest, TellsTpmsApart) {
  constellation::testing::SoftwareTpm one;
  constellation::testing::SoftwareTpm other;
  const Bytes data(64, 7);
  ASSERT_OK_AND_ASSIGN(const auto first, one.Attest(data));
  ASSERT_OK_AND_ASSIGN(const auto again, one.Attest(data));
  ASSERT_OK_AND_ASSIGN(const auto second, other.Attest(data));
  EXPECT_EQ(AttestationKeyOf(first).size(), 64U);
  EXPECT_EQ(AttestationKeyOf(first), AttestationKeyOf(again));
  EXPECT_NE(AttestationKeyOf(first), AttestationKeyOf(second));
}

}  // namespace
}  // namespace constellation::cli
