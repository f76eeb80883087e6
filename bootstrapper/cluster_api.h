// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_CLUSTER_API_H_
#define CONSTELLATION_BOOTSTRAPPER_CLUSTER_API_H_

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace constellation::bootstrapper {

// What the bootstrapper wants from the Kubernetes API. Codes as those of
// kubernetes::Client.
class ClusterApi {
 public:
  virtual ~ClusterApi() = default;
  // The object at an API path.
  virtual absl::StatusOr<nlohmann::json> Get(std::string_view path) = 0;
  // Makes `object` so, creating it if necessary.
  virtual absl::Status Apply(const nlohmann::json& object) = 0;
};

// Opens the API with the rights of the kubeconfig in the file `path`.
using ConnectToCluster =
    std::function<absl::StatusOr<std::unique_ptr<ClusterApi>>(
        const std::string& path)>;

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_CLUSTER_API_H_
