// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_VERIFICATIONSERVICE_EVIDENCE_FETCHER_H_
#define CONSTELLATION_VERIFICATIONSERVICE_EVIDENCE_FETCHER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/verification.pb.h"

namespace constellation::verificationservice {

// Asks the verification services of other nodes. Implementations are
// thread-safe.
class EvidenceFetcher {
 public:
  virtual ~EvidenceFetcher() = default;
  // Asks the services at the addresses `ips`, all at once, for evidence for
  // `nonce`; the answers in the same order. DEADLINE_EXCEEDED or UNAVAILABLE
  // for a node that does not answer. Nothing in the answers is verified.
  virtual std::vector<absl::StatusOr<v1::NodeEvidence>> FetchAll(
      const std::vector<std::string>& ips, const std::string& nonce) = 0;
};

}  // namespace constellation::verificationservice

#endif  // CONSTELLATION_VERIFICATIONSERVICE_EVIDENCE_FETCHER_H_
