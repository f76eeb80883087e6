// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/peer_verifier.h"

#include "attestation/policy/appraisal.h"
#include "attestation/policy/policy.h"
#include "attestation/same_image.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::disk_mapper {

absl::StatusOr<PeerProof> PeerVerifier::Verify(
    const attestation::Evidence& evidence,
    std::span<const uint8_t> user_data) const {
  ASSIGN_OR_RETURN(const std::string json, metadata_.EnrolledTpms());
  ASSIGN_OR_RETURN(std::vector<attestation::EnrolledNode> enrolled,
                   attestation::ParseEnrolledNodes(json));
  ASSIGN_OR_RETURN(
      const attestation::Policy policy,
      attestation::PolicyOfPeersLike(variant_, own_pcrs_, std::move(enrolled)));
  const attestation::Appraisal appraisal = attestation::Appraise(
      evidence, user_data, attestation::ClusterState::AnyMember(), policy,
      clock_.Now());
  RETURN_IF_ERROR(
      Annotate(attestation::ToStatus(appraisal), "evidence of join service"));
  if (!appraisal.cluster_pcr.has_value()) {
    return Internal("evidence of join service: accepted without PCR15");
  }
  return PeerProof{*appraisal.cluster_pcr, appraisal.role};
}

}  // namespace constellation::disk_mapper
