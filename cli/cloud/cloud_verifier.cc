// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/cloud_verifier.h"

#include <memory>
#include <utility>

#include "attestation/collateral/evidence_collateral.h"
#include "cli/exit_code.h"
#include "common/clock.h"
#include "common/hex.h"
#include "common/status.h"
#include "crypto/hash.h"

namespace constellation::cli {
namespace {

using attestation::ClusterState;

}  // namespace

std::string AttestationKeyOf(const attestation::Evidence& evidence) {
  return HexEncode(crypto::Sha256(evidence.tpm.ak_public));
}

// UNAVAILABLE is kept apart from refusals: a vendor's server that is down says
// nothing about the node, and the caller may try again.
VerifyNode MakeCloudNodeVerifier(
    attestation::Policy policy, std::vector<ClusterState> accepted,
    const AppraiseCloudNode& appraise,
    std::function<absl::Status(const attestation::Evidence&)> admit) {
  return [policy = std::move(policy), accepted = std::move(accepted), &appraise,
          admit = std::move(admit)](
             const attestation::Evidence& evidence,
             std::span<const uint8_t> user_data) -> absl::Status {
    absl::Status refusal =
        Internal("no state of PCR15 would have been accepted");
    for (const ClusterState& state : accepted) {
      const absl::Status judged = appraise(evidence, user_data, state, policy);
      if (judged.ok()) {
        return admit(evidence);
      }
      refusal = judged;
    }
    if (absl::IsUnavailable(refusal)) {
      return refusal;
    }
    return AsRefusal(
        Annotate(refusal,
                 "the node that answered is not what it must be, nothing "
                 "secret was sent to it"));
  };
}

AppraiseCloudNode AppraiseWithCollateral(const std::string& folder) {
  // Shared: a std::function must be copyable. Made once, so that a run asks for
  // each certificate once.
  const auto service = std::make_shared<attestation::CollateralService>(
      attestation::CollateralSetup{.folder = folder},
      attestation::CollateralFetcherOptions{}, Clock::System());
  return [service](const attestation::Evidence& evidence,
                   std::span<const uint8_t> user_data,
                   const ClusterState& expected,
                   const attestation::Policy& policy) {
    const attestation::GatheredCollateral gathered =
        service->For(evidence, policy);
    const attestation::Appraisal appraisal =
        attestation::Appraise(evidence, user_data, expected, policy,
                              gathered.collateral, Clock::System().Now());
    return attestation::ExplainRefusal(attestation::ToStatus(appraisal),
                                       gathered);
  };
}

}  // namespace constellation::cli
