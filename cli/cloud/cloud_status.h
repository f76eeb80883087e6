// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CLOUD_CLOUD_STATUS_H_
#define CONSTELLATION_CLI_CLOUD_CLOUD_STATUS_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/cloud/cloud_tools.h"
#include "cli/cluster/cluster_api.h"
#include "cli/config/config.h"
#include "cli/workspace/state.h"

namespace constellation::cli {

// What a cloud and the API server say about a cluster. Not trusted.
struct CloudStatus {
  std::string scope;  // account, subscription or project, and region
  std::vector<cloud::ClusterInstance> instances;  // by role, then name
  // Why the API server's answer is missing; OK with `nodes`.
  absl::StatusOr<std::vector<KubernetesNode>> nodes;
};

// Asks the cloud. `nodes` is what the API server said, or why it did not.
// FAILED_PRECONDITION if `state` and `config` are of different providers.
absl::StatusOr<CloudStatus> AskCloudStatus(
    const Config& config, const State& state, const CloudTools& tools,
    absl::StatusOr<std::vector<KubernetesNode>> nodes);

// For people, and for machines: {"name","uid","provider","scope","clusterID",
// "endpoint","nodes":[{"name","id","group","role","zone","address","machine",
// "kubernetes"}]}.
std::string RenderCloudStatus(const State& state, const CloudStatus& status);
nlohmann::json CloudStatusToJson(const State& state, const CloudStatus& status);

// Puts the machines that the cloud has into `state`, in memory, as nodes
// without pinned TPMs: what `verify` expects to find. Codes of
// AskCloudStatus().
absl::Status AddCloudNodes(const Config& config, const CloudTools& tools,
                           State& state);

// The serial console of the machine whose name or id is `node`, as the cloud
// shows it: hostile text. NOT_FOUND names the machines that there are.
absl::StatusOr<std::string> CloudConsole(const Config& config,
                                         const State& state,
                                         const CloudTools& tools,
                                         const std::string& node);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CLOUD_CLOUD_STATUS_H_
