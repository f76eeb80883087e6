// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_WORKSPACE_STATE_H_
#define CONSTELLATION_CLI_WORKSPACE_STATE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/config/config.h"

namespace constellation::cli {

inline constexpr std::string_view kStateVersion = "v1";

// Loopback ports that lead to a node's services. 0: none.
struct NodePorts {
  uint16_t init = 0;
  uint16_t recovery = 0;
  uint16_t api_server = 0;
  uint16_t verification = 0;

  bool operator==(const NodePorts&) const = default;
};

// One VM of the local platform. The TPM's pins are what makes evidence of this
// node worth anything, so this file is as precious as a known_hosts file.
struct StateNode {
  std::string name;
  std::string role;
  std::string ek_certificate_sha256;  // hex; empty until enrolled
  std::string ak_name;                // hex; empty until enrolled
  NodePorts ports;

  bool operator==(const StateNode&) const = default;
};

// The local platform's part.
struct QemuState {
  std::string image;  // absolute path of the image the nodes were made from
  Measurements measurements;  // predicted from it, or taken from the config
  std::vector<StateNode> nodes;
};

// A cluster in a cloud.
struct CloudState {
  std::string provider;  // "aws", "azure", "gcp", "openstack"; empty: qemu
  // The block `infrastructure.<provider>`: what the cloud calls things.
  std::map<std::string, std::string> details;
  // By what nodes are judged: one profile of a policy (docs/formats/policy.md)
  // as JSON; empty until the first run that needs it. Like QemuState's
  // measurements it is pinned: a later change of the image changes nothing.
  std::string attestation_profile;
  // The policy's "enrolledTPMs" as JSON; empty for none.
  std::string enrolled_tpms;
  // SHA-256 of the attestation key (TPMT_PUBLIC) of the node that was told to
  // become the cluster's first, hex; empty until then. Behind a load balancer
  // no other node may be told so again.
  std::string first_node_ak;
};

struct Infrastructure {
  std::string uid;  // empty: nothing was ever created
  std::string name;
  // Host: the local platform's 127.0.0.1, or the cloud's load balancer; empty
  // while that is being made.
  std::string cluster_endpoint;
  std::string in_cluster_endpoint;  // the same for nodes
  std::string init_secret;          // hex
  std::string ip_cidr_node;
  std::vector<std::string> api_server_cert_sans;
  QemuState qemu;
  CloudState cloud;
};

// What init made known.
struct ClusterValues {
  std::string cluster_id;        // hex; empty until init succeeded
  std::string measurement_salt;  // hex
};

// constellation-state.yaml, checked. Written before each step that creates
// something (write-ahead), so that a killed command can be continued.
struct State {
  Infrastructure infrastructure;
  ClusterValues cluster_values;

  bool HasInfrastructure() const { return !infrastructure.uid.empty(); }
  bool IsCloud() const { return !infrastructure.cloud.provider.empty(); }
  bool IsInitialized() const { return !cluster_values.cluster_id.empty(); }
  // Null if there is none; holds until the list changes.
  const StateNode* FindNode(std::string_view name) const;
};

// INVALID_ARGUMENT lists everything that is wrong, by line. Also checks that
// the parts fit together: names unique, a cluster ID only with a salt, ...
absl::StatusOr<State> ParseState(std::string_view text, std::string_view file);

// ParseState() of the result gives `state` again.
std::string RenderState(const State& state);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_WORKSPACE_STATE_H_
