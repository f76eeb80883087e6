// SPDX-License-Identifier: Apache-2.0
#include "attestation/peer_verifier.h"

#include <utility>

#include "attestation/policy/appraisal.h"
#include "attestation/policy/policy.h"
#include "attestation/same_image.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {

// The list is asked for anew for every peer: machines may be enrolled while
// this one waits. It never decides alone, because it comes from the cloud: the
// image and the platform must be this node's own as well.
absl::StatusOr<PeerProof> PeerVerifier::Verify(
    const Evidence& evidence, std::span<const uint8_t> user_data) const {
  ASSIGN_OR_RETURN(const std::string json, enrolled_tpms_());
  ASSIGN_OR_RETURN(std::vector<EnrolledNode> enrolled,
                   ParseEnrolledNodes(json));
  const bool roles_pinned = !enrolled.empty();
  ASSIGN_OR_RETURN(const Policy policy,
                   PolicyOfPeersLike(own_, std::move(enrolled)));
  const GatheredCollateral gathered = GatherFrom(collateral_, evidence, policy);
  const Appraisal appraisal =
      Appraise(evidence, user_data, ClusterState::AnyMember(), policy,
               gathered.collateral, clock_.Now());
  RETURN_IF_ERROR(Annotate(ExplainRefusal(appraisal, gathered),
                           "evidence of join service"));
  const std::string role =
      roles_pinned ? appraisal.role : std::string(kRoleControlPlane);
  return PeerProof{appraisal.cluster_pcr, role};
}

}  // namespace constellation::attestation
