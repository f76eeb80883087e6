// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/node_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "attestation/testing/software_tpm.h"
#include "attestation/tpm/cluster_pcr.h"
#include "cli/exit_code.h"
#include "cli/testing/fake_world.h"
#include "common/clock.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using attestation::ClusterState;
using ::constellation::testing::IsOk;
using ::constellation::testing::SoftwareTpm;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

// One TPM that booted the accepted image and is enrolled as "node-0".
class NodeVerifierTest : public ::testing::Test {
 protected:
  NodeVerifierTest() {
    for (const auto& [index, digest] :
         testing::FakeWorld::ImageProfile().pcrs) {
      tpm_.SetPcr(index, digest);
    }
  }

  absl::Status Verify(std::string name, std::vector<ClusterState> accepted,
                      const Bytes& bound = Bytes(64, 7)) {
    attestation::EnrolledNode enrolled;
    enrolled.node_name = "node-0";
    enrolled.role = "worker";
    enrolled.tpm = tpm_.enrolled();
    const VerifyNode verify =
        MakeNodeVerifier(*attestation::Policy::Create(
                             {testing::FakeWorld::ImageProfile()}, {enrolled}),
                         std::move(name), std::move(accepted), clock_);
    return verify(*tpm_.Attest(Bytes(64, 7)), bound);
  }
  void JoinCluster(const Bytes& id) {
    tpm_.SetPcr(15, attestation::ExpectedClusterPcr(id));
  }

  FakeClock clock_{absl::FromUnixSeconds(1800000000)};
  SoftwareTpm tpm_;
  const Bytes id_ = Bytes(32, 5);
};

TEST_F(NodeVerifierTest, AcceptsTheEnrolledNode) {
  EXPECT_THAT(Verify("node-0", {ClusterState::None()}), IsOk());
}

TEST_F(NodeVerifierTest, AcceptsAnyOfTheStates) {
  const std::vector<ClusterState> both = {ClusterState::None(),
                                          ClusterState::MemberOf(id_)};
  EXPECT_THAT(Verify("node-0", both), IsOk());
  JoinCluster(id_);
  EXPECT_THAT(Verify("node-0", both), IsOk());
}

TEST_F(NodeVerifierTest, RefusesOtherStates) {
  JoinCluster(id_);
  const absl::Status status = Verify("node-0", {ClusterState::None()});
  EXPECT_TRUE(IsRefusal(status));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kPermissionDenied,
                               HasSubstr("PCR15")));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kPermissionDenied,
                               HasSubstr("node node-0 is not what it must be, "
                                         "nothing secret was sent to it: ")));
  EXPECT_TRUE(
      IsRefusal(Verify("node-0", {ClusterState::MemberOf(Bytes(32, 6))})));
}

TEST_F(NodeVerifierTest, RefusesTpmOfAnotherName) {
  const absl::Status status = Verify("node-1", {ClusterState::None()});
  EXPECT_TRUE(IsRefusal(status));
  EXPECT_THAT(status,
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("node name: expected node-1, got the TPM of "
                                 "node-0")));
}

TEST_F(NodeVerifierTest, RefusesEvidenceForOtherData) {
  EXPECT_TRUE(
      IsRefusal(Verify("node-0", {ClusterState::None()}, Bytes(64, 8))));
}

// Of two states that do not fit, the message is about the one that fits best:
// a node of this cluster with another kernel has one failed row, not two.
TEST_F(NodeVerifierTest, ExplainsTheStateThatFitsBest) {
  JoinCluster(id_);
  crypto::Sha256Digest other{};
  other.fill(0xEE);
  tpm_.SetPcr(4, other);
  const absl::Status status =
      Verify("node-0", {ClusterState::None(), ClusterState::MemberOf(id_)});
  EXPECT_THAT(std::string(status.message()), HasSubstr("PCR4"));
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("PCR15")));
}

TEST_F(NodeVerifierTest, NoStateAcceptsNobody) {
  const absl::Status status = Verify("node-0", {});
  EXPECT_TRUE(IsRefusal(status));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInternal,
                               HasSubstr("no state of PCR15")));
}

}  // namespace
}  // namespace constellation::cli
