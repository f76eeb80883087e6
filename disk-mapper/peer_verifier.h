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
#include "cloud/metadata.h"
#include "common/clock.h"
#include "disk-mapper/rejoin_client.h"

namespace constellation::disk_mapper {

// What a rejoining node demands of a JoinService: the node's own image, on an
// enrolled machine, inside some cluster. The list of enrolled machines comes
// from the metadata, anew for each peer. Thread-safe; references outlive it.
class PeerVerifier final {
 public:
  // `own_pcrs` as attestation::PolicyOfPeersLike() wants them.
  PeerVerifier(std::string variant, std::vector<attestation::PcrValue> own_pcrs,
               cloud::MetadataClient& metadata, Clock& clock)
      : variant_(std::move(variant)),
        own_pcrs_(std::move(own_pcrs)),
        metadata_(metadata),
        clock_(clock) {}

  // PERMISSION_DENIED naming every failed check; errors of the metadata as they
  // come. Which cluster PCR15 names is for CheckTicketGiver().
  absl::StatusOr<PeerProof> Verify(const attestation::Evidence& evidence,
                                   std::span<const uint8_t> user_data) const;

 private:
  const std::string variant_;
  const std::vector<attestation::PcrValue> own_pcrs_;
  cloud::MetadataClient& metadata_;
  Clock& clock_;
};

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_PEER_VERIFIER_H_
