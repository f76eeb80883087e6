// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_VERIFICATIONSERVICE_GRPC_EVIDENCE_FETCHER_H_
#define CONSTELLATION_VERIFICATIONSERVICE_GRPC_EVIDENCE_FETCHER_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "crypto/tls_identity.h"
#include "verificationservice/evidence_fetcher.h"

namespace constellation::verificationservice {

// One gRPC call per node, all on the caller's thread, each within `timeout`.
// The connections are encrypted, but nothing about the other end is checked:
// evidence speaks for itself. Thread-safe.
class GrpcEvidenceFetcher final : public EvidenceFetcher {
 public:
  GrpcEvidenceFetcher(crypto::TlsIdentity identity, int port,
                      absl::Duration timeout)
      : identity_(std::move(identity)), port_(port), timeout_(timeout) {}

  std::vector<absl::StatusOr<v1::NodeEvidence>> FetchAll(
      const std::vector<std::string>& ips, const std::string& nonce) override;

 private:
  const crypto::TlsIdentity identity_;
  const int port_;
  const absl::Duration timeout_;
};

}  // namespace constellation::verificationservice

#endif  // CONSTELLATION_VERIFICATIONSERVICE_GRPC_EVIDENCE_FETCHER_H_
