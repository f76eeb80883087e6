// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_CLUSTER_ACCESS_H_
#define CONSTELLATION_KUBERNETES_CLUSTER_ACCESS_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/secret_bytes.h"

namespace constellation::kubernetes {

// Where an API server is, what its certificate must chain to, and who we are.
// Credentials are a client certificate with its key, a token, or a file that
// holds a token and may change (read for every request).
struct ClusterAccess {
  std::string server;           // "https://host:port", optionally with a path
  std::string tls_server_name;  // name in the certificate, if not the host
  std::string ca_pem;
  std::string client_certificate_pem;
  SecretBytes client_key_pem;
  SecretBytes token;
  std::string token_file;
};

// How a service reaches the API server: as the kubeconfig file of that name
// says or, if it is empty, as a pod of this cluster with the rights of its
// service account. Only files are read.
//
// FAILED_PRECONDITION: no name, and not in a pod. NOT_FOUND: a file is missing.
// Otherwise the codes of ParseKubeconfig().
absl::StatusOr<ClusterAccess> ReadClusterAccess(
    const std::string& kubeconfig_file);

namespace internal {

// As ReadClusterAccess("") does, with the service account's files in `folder`
// (which ends in '/').
absl::StatusOr<ClusterAccess> ReadPodAccess(const std::string& folder);

}  // namespace internal

}  // namespace constellation::kubernetes

#endif  // CONSTELLATION_KUBERNETES_CLUSTER_ACCESS_H_
