// SPDX-License-Identifier: Apache-2.0
#include "cli/verify/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "attestation/policy/variants.h"
#include "cli/cluster/policy_builder.h"
#include "cli/config/syntax.h"
#include "cli/terminal/interrupt.h"
#include "cli/verify/appraise_cluster.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/random.h"

namespace constellation::cli {
namespace {

constexpr size_t kNonceBytes = 32;
constexpr size_t kClusterIdBytes = 32;
constexpr uint16_t kDefaultPort = 30081;

// A node that may answer for all others.
struct Relay {
  std::string name;
  std::string address;
};

// IPv4 or a name; the port of the verification service if none is given.
absl::StatusOr<std::string> ParseEndpoint(const std::string& endpoint) {
  const size_t colon = endpoint.rfind(':');
  const std::string host = endpoint.substr(0, colon);
  uint16_t port = kDefaultPort;
  bool port_valid = true;
  if (colon != std::string::npos) {
    const char* begin = endpoint.data() + colon + 1;
    const char* end = endpoint.data() + endpoint.size();
    const auto [parsed, error] = std::from_chars(begin, end, port);
    port_valid = error == std::errc() && parsed == end && port != 0;
  }
  if (!IsHostName(host) || !port_valid) {
    return InvalidArgument(fmt::format(
        "endpoint must be host or host:port (IPv4 or name), not \"{}\"",
        endpoint));
  }
  return fmt::format("{}:{}", host, port);
}

std::string AddressOf(const State& state, const StateNode& node) {
  return fmt::format("{}:{}", state.infrastructure.cluster_endpoint,
                     node.ports.verification);
}

// In the order in which they are asked; the first that answers is enough.
absl::StatusOr<std::vector<Relay>> Relays(const State& state,
                                          const VerifyOptions& options) {
  if (!options.endpoint.empty()) {
    ASSIGN_OR_RETURN(std::string address, ParseEndpoint(options.endpoint));
    return std::vector<Relay>{{options.endpoint, std::move(address)}};
  }
  std::vector<Relay> relays;
  if (state.IsCloud() && !state.infrastructure.cluster_endpoint.empty()) {
    // The load balancer leads to one of the control-plane nodes.
    relays.push_back(
        {state.infrastructure.cluster_endpoint,
         fmt::format("{}:{}", state.infrastructure.cluster_endpoint,
                     kDefaultPort)});
  }
  for (const StateNode& node : state.infrastructure.qemu.nodes) {
    if (node.role == kControlPlaneRole && node.ports.verification != 0) {
      relays.push_back({node.name, AddressOf(state, node)});
    }
  }
  return relays;
}

// Whether a relay brought this node's evidence: then it is not asked again.
bool HasEvidence(const ClusterChallenge& challenge, const std::string& name) {
  return std::any_of(challenge.answers.begin(), challenge.answers.end(),
                     [&](const SourcedAnswer& sourced) {
                       return sourced.answer.evidence &&
                              sourced.answer.claimed_name == name;
                     });
}

// A relay may leave out or replace answers; it cannot make evidence.
absl::Status AskRelays(const std::vector<Relay>& relays, NodeApi& node_api,
                       ClusterChallenge& challenge) {
  for (const Relay& relay : relays) {
    RETURN_IF_ERROR(CheckInterrupted());
    absl::StatusOr<std::vector<NodeAnswer>> answers =
        node_api.ChallengeCluster(relay.address, challenge.nonce);
    if (!answers.ok()) {
      // The nodes themselves are asked next; why the relay failed is kept.
      challenge.relay_errors.push_back(
          fmt::format("{}: {}", relay.name, Message(answers.status())));
      continue;
    }
    challenge.relay_answered = true;
    for (NodeAnswer& answer : *answers) {
      challenge.answers.push_back({std::move(answer),
                                   fmt::format("relay by {}", relay.name),
                                   /*direct=*/false});
    }
    break;
  }
  return CheckInterrupted();
}

// Nodes whose port is known are asked themselves.
absl::Status AskNodes(const State& state, NodeApi& node_api,
                      ClusterChallenge& challenge) {
  for (const StateNode& node : state.infrastructure.qemu.nodes) {
    if (node.ports.verification == 0 || HasEvidence(challenge, node.name)) {
      continue;
    }
    RETURN_IF_ERROR(CheckInterrupted());
    absl::StatusOr<NodeAnswer> answer =
        node_api.GetEvidence(AddressOf(state, node), challenge.nonce);
    SourcedAnswer sourced;
    sourced.source = "direct";
    sourced.direct = true;
    if (answer.ok()) {
      sourced.answer = *std::move(answer);
    } else {
      sourced.answer.node_name = node.name;
      sourced.answer.error = Message(answer.status());
    }
    challenge.answers.push_back(std::move(sourced));
  }
  return CheckInterrupted();
}

// A given policy replaces the measurements; enrolments of the state are added
// if it has none.
absl::StatusOr<attestation::Policy> PolicyFor(const State& state,
                                              const VerifyOptions& options) {
  if (!options.policy.has_value()) {
    return BuildPolicy(state);
  }
  if (!options.policy->enrolled().empty()) {
    return *options.policy;
  }
  ASSIGN_OR_RETURN(std::vector<attestation::EnrolledNode> enrolled,
                   EnrolledNodesOf(state));
  if (enrolled.empty() && !state.infrastructure.cloud.enrolled_tpms.empty()) {
    ASSIGN_OR_RETURN(enrolled, attestation::ParseEnrolledNodes(
                                   state.infrastructure.cloud.enrolled_tpms));
  }
  return attestation::Policy::Create(options.policy->profiles(),
                                     std::move(enrolled));
}

// Which nodes there must be; those that cannot be judged because nobody
// enrolled them are `unenrolled`.
void ExpectNodes(const State& state, ClusterChallenge& challenge) {
  const bool enrols = !challenge.policy->enrolled().empty();
  const bool platform_vouches = std::ranges::any_of(
      challenge.policy->profiles(), [](const attestation::Profile& profile) {
        const attestation::Variant* variant =
            attestation::FindVariant(profile.variant);
        return variant != nullptr && !variant->enrolled_only;
      });
  for (const StateNode& node : state.infrastructure.qemu.nodes) {
    if (!enrols && platform_vouches) {
      challenge.expected.push_back({node.name, node.role});
    } else if (std::ranges::find(challenge.policy->enrolled(), node.name,
                                 &attestation::EnrolledNode::node_name) ==
               challenge.policy->enrolled().end()) {
      challenge.unenrolled.push_back(node.name);
    }
  }
}

// Of a cloud's nodes the workspace knows no names: groups grow and shrink. What
// the API server lists is what there is, and every one of it must prove itself.
void ExpectListedNodes(ClusterChallenge& challenge) {
  for (const SourcedAnswer& sourced : challenge.answers) {
    const std::string& name = sourced.answer.node_name;
    if (sourced.direct || name.empty() ||
        std::ranges::find(challenge.expected, name, &ExpectedNode::name) !=
            challenge.expected.end()) {
      continue;
    }
    challenge.expected.push_back({name, "node"});
  }
}

}  // namespace

// 64 hex digits are valid base64 as well, of another length.
absl::StatusOr<Bytes> ParseClusterId(const std::string& text) {
  absl::StatusOr<Bytes> bytes = HexDecode(text);
  if (!bytes.ok() || bytes->size() != kClusterIdBytes) {
    bytes = Base64Decode(text);
  }
  if (!bytes.ok() || bytes->size() != kClusterIdBytes) {
    return InvalidArgument(
        fmt::format("cluster ID must be {} octets in hex or base64, not \"{}\"",
                    kClusterIdBytes, text));
  }
  return bytes;
}

absl::StatusOr<VerifyReport> VerifyCluster(const State& state,
                                           const VerifyOptions& options,
                                           NodeApi& node_api,
                                           const Clock& clock) {
  const std::string& cluster_id = options.cluster_id.empty()
                                      ? state.cluster_values.cluster_id
                                      : options.cluster_id;
  if (cluster_id.empty()) {
    return FailedPrecondition(
        "the cluster ID is not known: the state file has none (was the cluster "
        "initialised?) and --cluster-id was not given");
  }
  ClusterChallenge challenge;
  ASSIGN_OR_RETURN(challenge.cluster_id, ParseClusterId(cluster_id));
  ASSIGN_OR_RETURN(challenge.policy, PolicyFor(state, options));
  challenge.collateral = options.collateral;
  ExpectNodes(state, challenge);
  ASSIGN_OR_RETURN(const std::vector<Relay> relays, Relays(state, options));
  // Made after everything that can fail locally; used once.
  challenge.nonce = crypto::RandomBytes(kNonceBytes);
  RETURN_IF_ERROR(AskRelays(relays, node_api, challenge));
  if (options.endpoint.empty()) {
    RETURN_IF_ERROR(AskNodes(state, node_api, challenge));
  }
  if (state.IsCloud()) {
    ExpectListedNodes(challenge);
  }
  challenge.now = clock.Now();
  return AppraiseCluster(challenge);
}

}  // namespace constellation::cli
