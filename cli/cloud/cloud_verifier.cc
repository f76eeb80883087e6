// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/cloud_verifier.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "absl/strings/cord.h"
#include "attestation/policy/collateral_provider.h"
#include "cli/exit_code.h"
#include "common/hex.h"
#include "common/retry.h"
#include "common/status.h"
#include "crypto/hash.h"

namespace constellation::cli {
namespace {

using attestation::ClusterState;

// Name of a status payload: it survives Annotate().
constexpr char kUncheckedNode[] = "constellation/unchecked";

// A person waits, and a node at the other end of the handshake.
attestation::CollateralFetcherOptions InitFetcherOptions() {
  attestation::CollateralFetcherOptions options;
  options.retry.give_up_after = absl::Seconds(30);
  return options;
}

// `appraisal` failed. If nothing but collateral is in the way that may still be
// had, nobody can tell yet whether the node is what it must be.
absl::Status ExplainCloudNode(const attestation::Appraisal& appraisal,
                              const attestation::GatheredCollateral& gathered) {
  const absl::Status refusal = attestation::ToStatus(appraisal);
  if (!IsTransient(gathered.missing) && !gathered.offline) {
    return attestation::ExplainRefusal(refusal, gathered);
  }
  if (gathered.missing.ok() ||
      !attestation::MayBeMissingCollateral(appraisal.rows)) {
    return refusal;
  }
  const std::string message = fmt::format(
      "collateral is missing: {}; {}, or bring what another machine has got "
      "with `constellation collateral bundle`. Without it: {}",
      Message(gathered.missing),
      gathered.offline ? "run once without --offline" : "try again later",
      Message(refusal));
  return AsUnchecked(gathered.offline ? FailedPrecondition(message)
                                      : Unavailable(message));
}

}  // namespace

absl::Status AsUnchecked(absl::Status status) {
  status.SetPayload(kUncheckedNode, absl::Cord("1"));
  return status;
}

bool IsUnchecked(const absl::Status& status) {
  return status.GetPayload(kUncheckedNode).has_value();
}

std::string AttestationKeyOf(const attestation::Evidence& evidence) {
  return HexEncode(crypto::Sha256(evidence.tpm.ak_public));
}

// What could not be checked is kept apart from refusals: a vendor's server that
// is down says nothing about the node, and the caller may try again.
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
    if (absl::IsUnavailable(refusal) || IsUnchecked(refusal)) {
      return refusal;
    }
    return AsRefusal(
        Annotate(refusal,
                 "the node that answered is not what it must be, nothing "
                 "secret was sent to it"));
  };
}

AppraiseCloudNode AppraiseWithCollateral(attestation::CollateralSetup setup,
                                         Clock& clock) {
  // Shared: a std::function must be copyable. Made once, so that a run asks for
  // each certificate once.
  const auto service = std::make_shared<attestation::CollateralService>(
      std::move(setup), InitFetcherOptions(), clock);
  return [service, &clock](const attestation::Evidence& evidence,
                           std::span<const uint8_t> user_data,
                           const ClusterState& expected,
                           const attestation::Policy& policy) {
    const attestation::GatheredCollateral gathered =
        service->For(evidence, policy);
    const attestation::Appraisal appraisal =
        attestation::Appraise(evidence, user_data, expected, policy,
                              gathered.collateral, clock.Now());
    return appraisal.accepted ? absl::OkStatus()
                              : ExplainCloudNode(appraisal, gathered);
  };
}

}  // namespace constellation::cli
