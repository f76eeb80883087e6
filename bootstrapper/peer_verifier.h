// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_PEER_VERIFIER_H_
#define CONSTELLATION_BOOTSTRAPPER_PEER_VERIFIER_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "attestation/evidence.h"
#include "bootstrapper/join_ticket.h"
#include "cloud/metadata.h"
#include "common/clock.h"

namespace constellation::bootstrapper {

// What a joining node demands of a JoinService: the node's own image, on an
// enrolled machine, inside some cluster. The list of enrolled machines comes
// from the metadata, anew for each peer. Thread-safe.
class PeerVerifier final {
 public:
  // `metadata` and `clock` outlive it. `own_pcrs` as PolicyOfPeersLike() wants
  // them.
  PeerVerifier(std::string variant, std::vector<attestation::PcrValue> own_pcrs,
               cloud::MetadataClient& metadata, Clock& clock)
      : variant_(std::move(variant)),
        own_pcrs_(std::move(own_pcrs)),
        metadata_(metadata),
        clock_(clock) {}

  // PERMISSION_DENIED naming every failed check; errors of the metadata as they
  // come. Whether PCR15 names the right cluster is for ValidateTicket().
  absl::StatusOr<PeerProof> Verify(const attestation::Evidence& evidence,
                                   std::span<const uint8_t> user_data) const;

 private:
  const std::string variant_;
  const std::vector<attestation::PcrValue> own_pcrs_;
  cloud::MetadataClient& metadata_;
  Clock& clock_;
};

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_PEER_VERIFIER_H_
