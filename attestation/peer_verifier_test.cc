// SPDX-License-Identifier: Apache-2.0
#include "attestation/peer_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/policy/policy.h"
#include "attestation/testing/software_tpm.h"
#include "attestation/tpm/cluster_pcr.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::SoftwareTpm;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

crypto::Sha256Digest MeasuredAs(uint32_t index) {
  crypto::Sha256Digest digest{};
  if (index == 4 || index == 9 || index == 11) {
    digest.fill(static_cast<uint8_t>(index));
  }
  return digest;
}

class PeerVerifierTest : public ::testing::Test {
 protected:
  PeerVerifierTest() {
    for (const uint32_t index : kRequiredPcrs) {
      peer_.SetPcr(index, MeasuredAs(index));
    }
    peer_.SetPcr(15, ExpectedClusterPcr(Bytes(32, 6)));
    enrolled_ = EnrolledNodesToJson(std::vector<EnrolledNode>{
        {"control-plane-0", "control-plane", peer_.enrolled()}});
  }

  absl::StatusOr<PeerProof> Verify() {
    Evidence own;
    own.variant = "qemu-vtpm";
    for (const uint32_t index : kRequiredPcrs) {
      own.tpm.pcrs.push_back({index, MeasuredAs(index)});
    }
    const PeerVerifier verifier(
        own, [this] { return enrolled_; }, Clock::System(), nullptr);
    const Bytes user_data(kUserDataSize, 1);
    ASSIGN_OR_RETURN(const Evidence evidence, peer_.Attest(user_data));
    return verifier.Verify(evidence, user_data);
  }

  SoftwareTpm peer_;
  absl::StatusOr<std::string> enrolled_;
};

TEST_F(PeerVerifierTest, SaysRoleAndClusterOfAGenuinePeer) {
  ASSERT_OK_AND_ASSIGN(const PeerProof proof, Verify());
  EXPECT_EQ(proof.role, "control-plane");
  EXPECT_EQ(proof.cluster_pcr, ExpectedClusterPcr(Bytes(32, 6)));
}

TEST_F(PeerVerifierTest, RefusesAnotherImage) {
  peer_.SetPcr(11, MeasuredAs(4));
  EXPECT_THAT(Verify(), StatusIs(absl::StatusCode::kPermissionDenied,
                                 HasSubstr("evidence of join service")));
}

TEST_F(PeerVerifierTest, RefusesAPeerOutsideOfAnyCluster) {
  peer_.SetPcr(15, {});
  EXPECT_THAT(Verify(), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(PeerVerifierTest, RefusesAMachineThatIsNotEnrolled) {
  const SoftwareTpm other;
  enrolled_ = EnrolledNodesToJson(std::vector<EnrolledNode>{
      {"control-plane-0", "control-plane", other.enrolled()}});
  EXPECT_THAT(Verify(), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(PeerVerifierTest, PassesOnWhyTheListCannotBeHad) {
  enrolled_ = Unavailable("metadata service is gone");
  EXPECT_THAT(Verify(), StatusIs(absl::StatusCode::kUnavailable,
                                 HasSubstr("metadata service is gone")));
  enrolled_ = "no JSON";
  EXPECT_THAT(Verify(), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace constellation::attestation
