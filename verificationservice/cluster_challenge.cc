// SPDX-License-Identifier: Apache-2.0
#include "verificationservice/cluster_challenge.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "attestation/channel/binding.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::verificationservice {
namespace {

constexpr char kNoAddress[] =
    "UNAVAILABLE: the API server lists no InternalIP for this node";

// What a node says for an error is its own choice; `error` is a text of proto3,
// and one octet that is not UTF-8 would spoil the answer of every other node.
std::string PrintableAscii(std::string text) {
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text;
}

// Evidence as it came, or why there is none.
void SetAnswer(absl::StatusOr<v1::NodeEvidence> evidence,
               v1::NodeAnswer& answer) {
  if (evidence.ok()) {
    *answer.mutable_evidence() = *std::move(evidence);
  } else {
    answer.set_error(PrintableAscii(evidence.status().ToString()));
  }
}

// Event logs are the bulk of evidence; all of them go, so that no node's answer
// says less than another's.
absl::Status Fit(v1::ClusterEvidence& cluster, size_t max_bytes) {
  if (cluster.ByteSizeLong() <= max_bytes) return absl::OkStatus();
  for (v1::NodeAnswer& answer : *cluster.mutable_nodes()) {
    if (!answer.has_evidence()) continue;
    answer.mutable_evidence()
        ->mutable_evidence()
        ->mutable_tpm()
        ->clear_event_log();
  }
  const size_t size = cluster.ByteSizeLong();
  if (size <= max_bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      fmt::format("evidence of {} nodes has {} octets; at most {}",
                  cluster.nodes_size(), size, max_bytes));
}

}  // namespace

// The API server's list decides who is asked; whether it is complete is for the
// owner to judge.
absl::StatusOr<v1::ClusterEvidence> ChallengeCluster(NodeDirectory& directory,
                                                     EvidenceFetcher& fetcher,
                                                     const std::string& nonce,
                                                     size_t max_bytes) {
  if (nonce.size() != attestation::kNonceSize) {
    return InvalidArgument(fmt::format("nonce: want {} octets, got {}",
                                       attestation::kNonceSize, nonce.size()));
  }
  ASSIGN_OR_RETURN(const std::vector<ListedNode> nodes, directory.List());
  std::vector<std::string> ips;
  for (const ListedNode& node : nodes) {
    if (!node.ip.empty()) ips.push_back(node.ip);
  }
  std::vector<absl::StatusOr<v1::NodeEvidence>> fetched =
      fetcher.FetchAll(ips, nonce);
  v1::ClusterEvidence cluster;
  auto next = fetched.begin();
  for (const ListedNode& node : nodes) {
    v1::NodeAnswer& answer = *cluster.add_nodes();
    answer.set_node_name(node.name);
    if (node.ip.empty()) {
      answer.set_error(kNoAddress);
    } else {
      SetAnswer(std::move(*next++), answer);
    }
  }
  RETURN_IF_ERROR(Fit(cluster, max_bytes));
  return cluster;
}

}  // namespace constellation::verificationservice
