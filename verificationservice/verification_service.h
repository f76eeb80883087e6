// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_VERIFICATIONSERVICE_VERIFICATION_SERVICE_H_
#define CONSTELLATION_VERIFICATIONSERVICE_VERIFICATION_SERVICE_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <atomic>

#include "proto/verification.grpc.pb.h"
#include "verificationservice/evidence_fetcher.h"
#include "verificationservice/node_directory.h"
#include "verificationservice/node_prover.h"

namespace constellation::verificationservice {

// The gRPC face. Anybody may ask; so little of each may happen at once: further
// calls get RESOURCE_EXHAUSTED. Thread-safe.
class VerificationService final : public v1::VerificationService::Service {
 public:
  // All outlive it.
  VerificationService(NodeProver& prover, NodeDirectory& directory,
                      EvidenceFetcher& fetcher)
      : prover_(prover), directory_(directory), fetcher_(fetcher) {}

  // Evidence of this node for the caller's nonce, which must have 32 octets
  // (INVALID_ARGUMENT otherwise).
  grpc::Status GetEvidence(grpc::ServerContext* context,
                           const v1::GetEvidenceRequest* request,
                           v1::NodeEvidence* response) override;
  // Evidence of all nodes that the API server lists. The caller need not trust
  // this node: it can leave answers out, but not make any.
  grpc::Status ChallengeCluster(grpc::ServerContext* context,
                                const v1::ChallengeClusterRequest* request,
                                v1::ClusterEvidence* response) override;

 private:
  NodeProver& prover_;
  NodeDirectory& directory_;
  EvidenceFetcher& fetcher_;
  std::atomic<int> proofs_ = 0;
  std::atomic<int> challenges_ = 0;
};

}  // namespace constellation::verificationservice

#endif  // CONSTELLATION_VERIFICATIONSERVICE_VERIFICATION_SERVICE_H_
