// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_PEER_VERIFIER_H_
#define CONSTELLATION_DISK_MAPPER_PEER_VERIFIER_H_

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "attestation/evidence.h"
#include "attestation/policy/collateral_provider.h"
#include "cloud/metadata.h"
#include "common/clock.h"
#include "disk-mapper/rejoin_client.h"

namespace constellation::disk_mapper {

// What a rejoining node demands of a JoinService: the node's own image and kind
// of platform, on an enrolled machine or one that its platform vouches for,
// inside some cluster. The list of enrolled machines comes from the metadata,
// anew for each peer. Thread-safe; references outlive it.
class PeerVerifier final {
 public:
  // `own`: evidence that this node made for itself. `collateral` may be null:
  // then only what comes with the evidence is there.
  PeerVerifier(attestation::Evidence own, cloud::MetadataClient& metadata,
               Clock& clock, attestation::CollateralProvider* collateral)
      : own_(std::move(own)),
        metadata_(metadata),
        clock_(clock),
        collateral_(collateral) {}
  // For variants that have a vTPM alone: `own_pcrs` as PolicyOfPeersLike()
  // wants them.
  PeerVerifier(std::string variant, std::vector<attestation::PcrValue> own_pcrs,
               cloud::MetadataClient& metadata, Clock& clock);

  // PERMISSION_DENIED naming every failed check; UNAVAILABLE if collateral is
  // missing that may be had later; errors of the metadata as they come. Where
  // no TPM is enrolled at all, nobody pinned roles: then the peer counts as a
  // control-plane node, for only those run a JoinService. Which cluster PCR15
  // names is for CheckTicketGiver().
  absl::StatusOr<PeerProof> Verify(const attestation::Evidence& evidence,
                                   std::span<const uint8_t> user_data) const;

 private:
  const attestation::Evidence own_;
  cloud::MetadataClient& metadata_;
  Clock& clock_;
  attestation::CollateralProvider* const collateral_;
};

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_PEER_VERIFIER_H_
