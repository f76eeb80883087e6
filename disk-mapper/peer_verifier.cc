// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/peer_verifier.h"

#include <utility>

#include "attestation/policy/appraisal.h"
#include "attestation/policy/policy.h"
#include "attestation/same_image.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::disk_mapper {

PeerVerifier::PeerVerifier(std::string variant,
                           std::vector<attestation::PcrValue> own_pcrs,
                           cloud::MetadataClient& metadata, Clock& clock)
    : own_([&] {
        attestation::Evidence own;
        own.variant = std::move(variant);
        own.tpm.pcrs = std::move(own_pcrs);
        return own;
      }()),
      metadata_(metadata),
      clock_(clock),
      collateral_(nullptr) {}

absl::StatusOr<PeerProof> PeerVerifier::Verify(
    const attestation::Evidence& evidence,
    std::span<const uint8_t> user_data) const {
  ASSIGN_OR_RETURN(const std::string json, metadata_.EnrolledTpms());
  ASSIGN_OR_RETURN(std::vector<attestation::EnrolledNode> enrolled,
                   attestation::ParseEnrolledNodes(json));
  const bool roles_pinned = !enrolled.empty();
  ASSIGN_OR_RETURN(const attestation::Policy policy,
                   attestation::PolicyOfPeersLike(own_, std::move(enrolled)));
  const attestation::GatheredCollateral gathered =
      attestation::GatherFrom(collateral_, evidence, policy);
  const attestation::Appraisal appraisal = attestation::Appraise(
      evidence, user_data, attestation::ClusterState::AnyMember(), policy,
      gathered.collateral, clock_.Now());
  RETURN_IF_ERROR(Annotate(
      attestation::ExplainRefusal(attestation::ToStatus(appraisal), gathered),
      "evidence of join service"));
  const std::string role = roles_pinned
                               ? appraisal.role
                               : std::string(attestation::kRoleControlPlane);
  if (!appraisal.cluster_pcr.has_value()) {
    return Internal("evidence of join service: accepted without PCR15");
  }
  return PeerProof{*appraisal.cluster_pcr, role};
}

}  // namespace constellation::disk_mapper
