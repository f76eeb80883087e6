// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CLUSTER_TOOLS_H_
#define CONSTELLATION_CLI_CLUSTER_TOOLS_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "attestation/policy/policy.h"
#include "cli/cluster/cluster_api.h"
#include "cli/cluster/platform.h"
#include "cli/nodes/node_api.h"
#include "cli/terminal/progress.h"
#include "common/clock.h"

namespace constellation::cli {

struct CloudTools;  // cli/cloud/cloud_tools.h

// What is known about a node image before anything boots it.
struct ImageFacts {
  std::string path;  // absolute
  attestation::Profile profile;
  std::string kubernetes_version;  // empty: unknown
};

// Finds and measures the image that a configuration names (empty: the default).
using InspectImage =
    std::function<absl::StatusOr<ImageFacts>(const std::string& image)>;

// The outside world of the commands that make or change a cluster. References
// must outlive this.
struct ClusterTools {
  Platform& platform;
  NodeApi& node_api;
  ConnectCluster connect_cluster;
  InspectImage inspect_image;
  Clock& clock;
  Progress& progress;
  // Null where no cloud is ever needed.
  CloudTools* cloud = nullptr;
};

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CLUSTER_TOOLS_H_
