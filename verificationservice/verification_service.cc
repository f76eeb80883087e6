// SPDX-License-Identifier: Apache-2.0
#include "verificationservice/verification_service.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "attestation/channel/transport/evidence_conversion.h"
#include "attestation/channel/transport/grpc_status.h"
#include "common/hex.h"
#include "common/status.h"
#include "verificationservice/cluster_challenge.h"

namespace constellation::verificationservice {
namespace {

// A proof costs a TPM quote; a challenge costs one on every node.
constexpr int kMaxProofs = 12;
constexpr int kMaxChallenges = 2;
// Room for gRPC's own framing.
constexpr size_t kMaxAnswerBytes = attestation::kMaxMessageBytes - 1024;

// The caller may try again; nothing was done.
grpc::Status Busy() {
  return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many requests at once"};
}

}  // namespace

// Answers anybody: evidence holds nothing secret.
grpc::Status VerificationService::GetEvidence(
    grpc::ServerContext* /*context*/, const v1::GetEvidenceRequest* request,
    v1::NodeEvidence* response) {
  const absl::Cleanup leave = [this] { --proofs_; };
  if (++proofs_ > kMaxProofs) return Busy();
  const absl::StatusOr<attestation::Evidence> evidence =
      prover_.Prove(AsBytes(request->nonce()));
  if (!evidence.ok()) {
    spdlog::warn("event=no-evidence error=\"{}\"", Message(evidence.status()));
    return attestation::ToGrpcStatus(evidence.status());
  }
  response->set_node_name(prover_.node_name());
  *response->mutable_evidence() = attestation::EvidenceToProto(*evidence);
  return grpc::Status::OK;
}

grpc::Status VerificationService::ChallengeCluster(
    grpc::ServerContext* context, const v1::ChallengeClusterRequest* request,
    v1::ClusterEvidence* response) {
  const absl::Cleanup leave = [this] { --challenges_; };
  if (++challenges_ > kMaxChallenges) return Busy();
  absl::StatusOr<v1::ClusterEvidence> cluster =
      verificationservice::ChallengeCluster(directory_, fetcher_,
                                            request->nonce(), kMaxAnswerBytes);
  if (!cluster.ok()) {
    spdlog::warn("event=challenge-failed peer={} error=\"{}\"", context->peer(),
                 Message(cluster.status()));
    return attestation::ToGrpcStatus(cluster.status());
  }
  *response = *std::move(cluster);
  return grpc::Status::OK;
}

}  // namespace constellation::verificationservice
