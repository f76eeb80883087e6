// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_PEER_VERIFIER_H_
#define CONSTELLATION_ATTESTATION_PEER_VERIFIER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "attestation/evidence.h"
#include "attestation/policy/collateral_provider.h"
#include "common/clock.h"
#include "crypto/hash.h"

namespace constellation::attestation {

// What the appraised evidence of a JoinService's node says.
struct PeerProof {
  std::optional<crypto::Sha256Digest> cluster_pcr;  // its PCR15
  std::string role;                                 // see PeerVerifier
};

// What a joining or rejoining node demands of a JoinService: the node's own
// image and kind of platform, on an enrolled machine or one that its platform
// vouches for, inside some cluster. Thread-safe if `enrolled_tpms` is;
// references outlive it.
class PeerVerifier final {
 public:
  // The list of enrolled machines, EnrolledNodesToJson(). Asked for each peer;
  // docs/adr/0006-enrolled-tpm.md says what a hostile answer is worth.
  using EnrolledTpms = std::function<absl::StatusOr<std::string>()>;

  // `own`: evidence that this node made for itself. `collateral` may be null:
  // then only what comes with the evidence is there.
  PeerVerifier(Evidence own, EnrolledTpms enrolled_tpms, Clock& clock,
               CollateralProvider* collateral)
      : own_(std::move(own)),
        enrolled_tpms_(std::move(enrolled_tpms)),
        clock_(clock),
        collateral_(collateral) {}

  // PERMISSION_DENIED naming every failed check; UNAVAILABLE if collateral is
  // missing that may be had later; errors of `enrolled_tpms` as they come.
  // Where no TPM is enrolled at all, nobody pinned roles: then the peer counts
  // as a control-plane node, for only those run a JoinService. Which cluster
  // PCR15 names is for the caller to judge.
  absl::StatusOr<PeerProof> Verify(const Evidence& evidence,
                                   std::span<const uint8_t> user_data) const;

 private:
  const Evidence own_;
  const EnrolledTpms enrolled_tpms_;
  Clock& clock_;
  CollateralProvider* const collateral_;
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_PEER_VERIFIER_H_
