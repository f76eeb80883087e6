// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_JOINSERVICE_KUBERNETES_CLUSTER_API_H_
#define CONSTELLATION_JOINSERVICE_KUBERNETES_CLUSTER_API_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/secret_bytes.h"
#include "joinservice/cluster_api.h"
#include "kubernetes/client.h"

namespace constellation::joinservice {

// Reads what the bootstrapper and kubeadm left in namespace kube-system:
// ConfigMaps constellation-cluster, kubelet-config-<minor>, kube-root-ca.crt.
// Reads anew for every ticket. Thread-safe.
class KubernetesClusterApi final : public ClusterApi {
 public:
  // Both outlive it.
  KubernetesClusterApi(kubernetes::Client& client, Clock& clock)
      : client_(client), clock_(clock) {}

  // FAILED_PRECONDITION if a field is missing or malformed.
  absl::StatusOr<ClusterFacts> Facts() override;
  absl::StatusOr<std::string> IssueKubeletCertificate(
      std::string_view csr_pem, std::string_view node_name) override;
  absl::StatusOr<SecretBytes> CreateBootstrapToken(
      std::string_view node_name) override;

 private:
  kubernetes::Client& client_;
  Clock& clock_;
};

}  // namespace constellation::joinservice

#endif  // CONSTELLATION_JOINSERVICE_KUBERNETES_CLUSTER_API_H_
