// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_VERIFICATIONSERVICE_CLUSTER_CHALLENGE_H_
#define CONSTELLATION_VERIFICATIONSERVICE_CLUSTER_CHALLENGE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "proto/verification.pb.h"
#include "verificationservice/evidence_fetcher.h"
#include "verificationservice/node_directory.h"

namespace constellation::verificationservice {

// Asks every node that `directory` lists for evidence for `nonce`, and returns
// all answers: of a node that could not be asked, why. At most `max_bytes`:
// where that is not enough, event logs are left out (they explain evidence and
// prove nothing). Judges nothing.
//
// INVALID_ARGUMENT unless the nonce has 32 octets; errors of the directory;
// RESOURCE_EXHAUSTED if the answers do not fit even so.
absl::StatusOr<v1::ClusterEvidence> ChallengeCluster(NodeDirectory& directory,
                                                     EvidenceFetcher& fetcher,
                                                     const std::string& nonce,
                                                     size_t max_bytes);

}  // namespace constellation::verificationservice

#endif  // CONSTELLATION_VERIFICATIONSERVICE_CLUSTER_CHALLENGE_H_
