// SPDX-License-Identifier: Apache-2.0
#include "verificationservice/node_prover.h"

#include "attestation/channel/verification_binding.h"
#include "attestation/policy/appraisal.h"
#include "attestation/testing/software_tpm.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::verificationservice {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::SoftwareTpm;
using ::constellation::testing::StatusIs;

const Bytes kNonce(32, 9);

// Accepts `tpm` and what is in its registers.
attestation::Policy PolicyFor(SoftwareTpm& tpm) {
  attestation::Profile profile;
  profile.name = "test image";
  profile.variant = attestation::kVariantQemuVtpm;
  for (const uint32_t index : attestation::kRequiredPcrs) {
    profile.pcrs[index] = {};
  }
  for (const uint32_t index : {4U, 9U, 11U}) {
    profile.pcrs[index].fill(0xAB);
    tpm.SetPcr(index, profile.pcrs[index]);
  }
  return attestation::Policy::Create(
             {profile},
             {{"n", std::string(attestation::kRoleWorker), tpm.enrolled()}})
      .value();
}

TEST(NodeProverTest, EvidenceCoversNonceAndName) {
  auto tpm = std::make_unique<SoftwareTpm>();
  const attestation::Policy policy = PolicyFor(*tpm);
  NodeProver prover("worker-0", [&] {
    return absl::StatusOr<std::unique_ptr<attestation::Attester>>(
        std::move(tpm));
  });
  ASSERT_OK_AND_ASSIGN(const attestation::Evidence evidence,
                       prover.Prove(kNonce));
  const auto accepted = [&](const Bytes& nonce, std::string_view name) {
    return attestation::Appraise(
               evidence, attestation::VerificationBinding(nonce, name),
               attestation::ClusterState::None(), policy, absl::Now())
        .accepted;
  };
  EXPECT_TRUE(accepted(kNonce, "worker-0"));
  EXPECT_FALSE(accepted(Bytes(32, 8), "worker-0"));
  EXPECT_FALSE(accepted(kNonce, "worker-1"));
}

TEST(NodeProverTest, RefusesNoncesOfAnotherSize) {
  NodeProver prover("n", [] {
    return absl::StatusOr<std::unique_ptr<attestation::Attester>>(
        std::make_unique<SoftwareTpm>());
  });
  for (const size_t size : {0U, 31U, 33U, 4000U}) {
    EXPECT_THAT(prover.Prove(Bytes(size, 1)),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(NodeProverTest, OpensTheTpmOnceAndOnlyWhenNeeded) {
  int opened = 0;
  NodeProver prover(
      "n", [&]() -> absl::StatusOr<std::unique_ptr<attestation::Attester>> {
        if (++opened == 1) return Unavailable("busy");
        return std::make_unique<SoftwareTpm>();
      });
  EXPECT_EQ(opened, 0);
  EXPECT_THAT(prover.Prove(kNonce), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(prover.Prove(kNonce), IsOk());
  EXPECT_THAT(prover.Prove(kNonce), IsOk());
  EXPECT_EQ(opened, 2);
}

}  // namespace
}  // namespace constellation::verificationservice
