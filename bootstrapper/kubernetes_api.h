// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_KUBERNETES_API_H_
#define CONSTELLATION_BOOTSTRAPPER_KUBERNETES_API_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bootstrapper/cluster_api.h"

namespace constellation::bootstrapper {

// ConnectToCluster through kubernetes::Client; one request takes at most
// `timeout`.
absl::StatusOr<std::unique_ptr<ClusterApi>> ConnectWithKubeconfig(
    const std::string& path, absl::Duration timeout);

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_KUBERNETES_API_H_
