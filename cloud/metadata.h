// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_METADATA_H_
#define CONSTELLATION_CLOUD_METADATA_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace constellation::cloud {

// What a node is for. The words on every wire and in every file are
// "control-plane" and "worker".
enum class NodeRole { kControlPlane, kWorker };

// The word for a role.
std::string_view NodeRoleName(NodeRole role);
// INVALID_ARGUMENT for any other word.
absl::StatusOr<NodeRole> ParseNodeRole(std::string_view name);

// A name that may stand in host names, file names and Kubernetes objects:
// 1-63 characters of [a-z0-9-], first and last not a hyphen (RFC 1123 label).
bool IsNodeName(std::string_view name);

// What the cloud says about one instance. None of it is trusted: it decides
// where to look, never whom to believe. The syntax of every field has been
// checked, nothing more.
struct InstanceMetadata {
  std::string name = {};  // IsNodeName()
  NodeRole role = NodeRole::kWorker;
  std::string uid = {};  // of the cluster; [a-zA-Z0-9-], 1-64 characters
  std::string provider_id = {};  // for kubelet, "qemu:///<uid>/<name>"
  // As the cloud calls them: for labels of the Kubernetes node. Empty where it
  // has none, or does not say so to its machines.
  std::string zone = {};
  std::string region = {};
  std::string cluster_ip = {};  // IPv4 address on the network between the nodes
  unsigned cluster_prefix_length = 24;
  // MAC address of the interface that carries `cluster_ip`, lower case with
  // colons; empty where the cloud configures addresses by itself (DHCP).
  std::string cluster_mac = {};
  // Lower-case hex SHA-256 of the secret that `init` must present. Only in
  // Self(), and there only where the cloud has one; else empty.
  std::string init_secret_sha256 = {};
  // How much slower than real hardware this machine is (1 with KVM, about 10
  // in emulation): multiply time-outs by it. 1-100.
  unsigned time_scale = 1;
};

// The boundary to the cloud's metadata service, as a node sees it.
// Implementations are thread-safe and bound every answer in time and size.
//
// Codes of all calls: UNAVAILABLE if the service does not answer (try again),
// DEADLINE_EXCEEDED, NOT_FOUND if it has no such item yet, INVALID_ARGUMENT if
// the answer is not what it must be (a hostile or broken service).
class MetadataClient {
 public:
  virtual ~MetadataClient() = default;

  virtual absl::StatusOr<InstanceMetadata> Self() = 0;
  // Every instance of the cluster, this one included, at most 1,000.
  virtual absl::StatusOr<std::vector<InstanceMetadata>> Peers() = 0;
  // Host and port of the API server, as nodes reach it: "10.42.0.11:6443".
  virtual absl::StatusOr<std::string> Endpoint() = 0;
  // The JSON array "enrolledTPMs" of the policy document (docs/formats); "[]"
  // where the platform needs no enrolment. Syntax only: the policy parser
  // checks the rest.
  virtual absl::StatusOr<std::string> EnrolledTpms() = 0;
  // Hands one boot status, a JSON object of at most 8 KiB, to whoever watches
  // the machine. Public: never put secrets into it.
  virtual absl::Status ReportStatus(std::string_view json) = 0;
};

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_METADATA_H_
