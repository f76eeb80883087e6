// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_NODES_NODE_API_H_
#define CONSTELLATION_CLI_NODES_NODE_API_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attestation/evidence.h"
#include "common/hex.h"
#include "common/secret_bytes.h"

namespace constellation::cli {

// Judges a node before anything secret is sent to it. `user_data` is what the
// evidence must cover.
using VerifyNode = std::function<absl::Status(
    const attestation::Evidence& evidence, std::span<const uint8_t> user_data)>;

// What the first node is told (proto/init.proto). Secrets wipe themselves.
struct InitParameters {
  SecretBytes init_secret;
  SecretBytes master_key;
  Bytes master_salt;
  Bytes measurement_salt;
  std::string cluster_name;
  std::string kubernetes_version;
  std::vector<std::string> api_server_cert_sans;
  std::string service_cidr;
  std::string pod_cidr;
  std::string attestation_policy;
  unsigned time_scale = 1;
};

// What it answers: an administrator's kubeconfig (secret) and its cluster ID,
// which the caller compares with its own.
struct InitOutcome {
  std::string kubeconfig;
  Bytes cluster_id;
};

using InitProgressFn =
    std::function<void(std::string_view phase, absl::Duration elapsed)>;

// What the owner sends to a node whose disk must be opened.
struct RecoveryKeys {
  SecretBytes state_disk_key;
  SecretBytes measurement_secret;  // proves that the owner sends it
  Bytes measurement_salt;
  std::string node_name;  // whose TPM was verified: the disk must say the same
};
using KeysForDisk =
    std::function<absl::StatusOr<RecoveryKeys>(std::string_view disk_uuid)>;

// One node's answer to a challenge, as a relay or the node itself gave it.
struct NodeAnswer {
  std::string node_name;  // under which the API server lists it
  std::optional<attestation::Evidence> evidence;
  std::string claimed_name;  // the node's own; bound to the evidence
  std::string error;         // why there is no evidence
};

// The services of nodes that the owner talks to. `address` is host:port; what
// answers there is hostile until verified.
//
// Codes: UNAVAILABLE and DEADLINE_EXCEEDED if nobody answers (yet); what the
// node returned; a refusal (IsRefusal) if `verify` did not accept the node;
// interrupted if Ctrl-C was pressed.
class NodeApi {
 public:
  virtual ~NodeApi() = default;

  // Sends the master secret once `verify` accepted the node; `progress` is
  // called on this thread.
  virtual absl::StatusOr<InitOutcome> Init(const std::string& address,
                                           const InitParameters& parameters,
                                           const VerifyNode& verify,
                                           const InitProgressFn& progress) = 0;
  // Asks `keys` for the key of the disk that the verified node names.
  virtual absl::Status Recover(const std::string& address,
                               const VerifyNode& verify,
                               const KeysForDisk& keys) = 0;
  // Evidence of the node at `address` itself, for a nonce of the caller's.
  virtual absl::StatusOr<NodeAnswer> GetEvidence(
      const std::string& address, std::span<const uint8_t> nonce) = 0;
  // Evidence of every node that the API server lists, relayed.
  virtual absl::StatusOr<std::vector<NodeAnswer>> ChallengeCluster(
      const std::string& address, std::span<const uint8_t> nonce) = 0;
};

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_NODES_NODE_API_H_
