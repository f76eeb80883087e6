// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/cluster_access.h"

#include <fmt/format.h>

#include <cstdlib>
#include <string_view>

#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "kubernetes/kubeconfig.h"

namespace constellation::kubernetes {
namespace {

constexpr char kServiceAccountFolder[] =
    "/var/run/secrets/kubernetes.io/serviceaccount/";

}  // namespace

absl::StatusOr<ClusterAccess> internal::ReadPodAccess(
    const std::string& folder) {
  const char* host = std::getenv("KUBERNETES_SERVICE_HOST");
  const char* port = std::getenv("KUBERNETES_SERVICE_PORT");
  if (host == nullptr || port == nullptr) {
    return FailedPrecondition(
        "not in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are "
        "not set");
  }
  ClusterAccess access;
  ASSIGN_OR_RETURN(access.ca_pem, ReadFile(folder + "ca.crt"));
  access.token_file = folder + "token";
  const bool is_ipv6 = std::string_view(host).find(':') != std::string::npos;
  access.server = is_ipv6 ? fmt::format("https://[{}]:{}", host, port)
                          : fmt::format("https://{}:{}", host, port);
  return access;
}

absl::StatusOr<ClusterAccess> ReadClusterAccess(
    const std::string& kubeconfig_file) {
  if (kubeconfig_file.empty()) {
    return internal::ReadPodAccess(kServiceAccountFolder);
  }
  ASSIGN_OR_RETURN(const std::string yaml, ReadFile(kubeconfig_file));
  return ParseKubeconfig(yaml);
}

}  // namespace constellation::kubernetes
