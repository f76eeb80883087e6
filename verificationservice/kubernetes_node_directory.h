// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_VERIFICATIONSERVICE_KUBERNETES_NODE_DIRECTORY_H_
#define CONSTELLATION_VERIFICATIONSERVICE_KUBERNETES_NODE_DIRECTORY_H_

#include <vector>

#include "absl/status/statusor.h"
#include "kubernetes/client.h"
#include "verificationservice/node_directory.h"

namespace constellation::verificationservice {

// Asks the API server. Thread-safe.
class KubernetesNodeDirectory final : public NodeDirectory {
 public:
  // `client` outlives it.
  explicit KubernetesNodeDirectory(kubernetes::Client& client)
      : client_(client) {}

  absl::StatusOr<std::vector<ListedNode>> List() override;

 private:
  kubernetes::Client& client_;
};

}  // namespace constellation::verificationservice

#endif  // CONSTELLATION_VERIFICATIONSERVICE_KUBERNETES_NODE_DIRECTORY_H_
