// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_VERIFICATIONSERVICE_KUBERNETES_NODE_DIRECTORY_H_
#define CONSTELLATION_VERIFICATIONSERVICE_KUBERNETES_NODE_DIRECTORY_H_

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "kubernetes/client.h"
#include "verificationservice/node_directory.h"

namespace constellation::verificationservice {

// Asks the API server, to which it connects at the first call. Thread-safe.
class KubernetesNodeDirectory final : public NodeDirectory {
 public:
  using Connect =
      std::function<absl::StatusOr<std::unique_ptr<kubernetes::Client>>()>;

  explicit KubernetesNodeDirectory(Connect connect)
      : connect_(std::move(connect)) {}

  absl::StatusOr<std::vector<ListedNode>> List() override;
  // Ends List(), also later ones, with CANCELLED.
  void Cancel();

 private:
  absl::StatusOr<kubernetes::Client*> GetClient();

  const Connect connect_;
  absl::Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<kubernetes::Client> client_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::verificationservice

#endif  // CONSTELLATION_VERIFICATIONSERVICE_KUBERNETES_NODE_DIRECTORY_H_
