// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CLUSTER_CLUSTER_API_H_
#define CONSTELLATION_CLI_CLUSTER_CLUSTER_API_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace constellation::cli {

// A node as the API server lists it. Not trusted: evidence decides.
struct KubernetesNode {
  std::string name;
  bool ready = false;
  std::string version;  // of the kubelet
  std::string reason;   // why it is not ready
};

// What the cli asks of the cluster's API server. Errors are those of
// kubernetes::Client.
class ClusterApi {
 public:
  virtual ~ClusterApi() = default;
  // All nodes, in the API server's order.
  virtual absl::StatusOr<std::vector<KubernetesNode>> ListNodes() = 0;
  // The policy by which the JoinService admits nodes; NOT_FOUND before init.
  virtual absl::StatusOr<std::string> GetAttestationPolicy() = 0;
  // Replaces it for all joins from now on; nodes that are in stay in.
  virtual absl::Status SetAttestationPolicy(const std::string& json) = 0;
};

// Connects with an administrator's kubeconfig.
using ConnectCluster =
    std::function<absl::StatusOr<std::unique_ptr<ClusterApi>>(
        const std::string& kubeconfig)>;

// The real one.
absl::StatusOr<std::unique_ptr<ClusterApi>> ConnectKubernetes(
    const std::string& kubeconfig);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CLUSTER_CLUSTER_API_H_
