// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_NODES_GRPC_NODE_API_H_
#define CONSTELLATION_CLI_NODES_GRPC_NODE_API_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cli/nodes/node_api.h"
#include "crypto/tls_identity.h"

namespace constellation::cli {

// NodeApi over gRPC and the attested channel. Not thread-safe.
class GrpcNodeApi final : public NodeApi {
 public:
  // A node that says nothing for `silence_limit` during init is UNAVAILABLE; a
  // good one tells its progress every ten seconds.
  explicit GrpcNodeApi(absl::Duration silence_limit = absl::Minutes(5))
      : silence_limit_(silence_limit) {}

  absl::StatusOr<InitOutcome> Init(const std::string& address,
                                   const InitParameters& parameters,
                                   const VerifyNode& verify,
                                   const InitProgressFn& progress) override;
  absl::Status Recover(const std::string& address, const VerifyNode& verify,
                       const KeysForDisk& keys) override;
  absl::StatusOr<NodeAnswer> GetEvidence(
      const std::string& address, std::span<const uint8_t> nonce) override;
  absl::StatusOr<std::vector<NodeAnswer>> ChallengeCluster(
      const std::string& address, std::span<const uint8_t> nonce) override;

 private:
  // This process's TLS key, made when it is first needed.
  absl::StatusOr<const crypto::TlsIdentity*> Identity();

  const absl::Duration silence_limit_;
  std::optional<crypto::TlsIdentity> identity_;
};

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_NODES_GRPC_NODE_API_H_
