// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_JOINSERVICE_CLUSTER_API_H_
#define CONSTELLATION_JOINSERVICE_CLUSTER_API_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/secret_bytes.h"

namespace constellation::joinservice {

// What every node of the cluster has to know; nothing of it is secret.
struct ClusterFacts {
  std::string api_server_endpoint;  // host:port
  std::string kubernetes_version;
  std::string cluster_ca_pem;
  std::string kubelet_config;  // KubeletConfiguration, YAML
  uint32_t time_scale = 1;
};

// What this service wants from the Kubernetes API. Implementations are
// thread-safe; errors are those of kubernetes::Client.
class ClusterApi {
 public:
  virtual ~ClusterApi() = default;
  // As they are now; they may change with an upgrade.
  virtual absl::StatusOr<ClusterFacts> Facts() = 0;
  // Has the cluster's authority sign `csr_pem`, whose names the caller has
  // checked. Returns the certificate, PEM.
  virtual absl::StatusOr<std::string> IssueKubeletCertificate(
      std::string_view csr_pem, std::string_view node_name) = 0;
  // A short-lived token for `kubeadm join`.
  virtual absl::StatusOr<SecretBytes> CreateBootstrapToken(
      std::string_view node_name) = 0;
};

}  // namespace constellation::joinservice

#endif  // CONSTELLATION_JOINSERVICE_CLUSTER_API_H_
