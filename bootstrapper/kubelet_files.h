// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_KUBELET_FILES_H_
#define CONSTELLATION_BOOTSTRAPPER_KUBELET_FILES_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "bootstrapper/init_parameters.h"
#include "bootstrapper/node_paths.h"
#include "common/secret_bytes.h"

namespace constellation::bootstrapper {

// What a worker's kubelet needs to know.
struct KubeletCredentials {
  std::string api_server_endpoint;  // host:port
  std::string cluster_ca_pem;
  std::string certificate_pem;
  SecretBytes private_key_pem;
  std::string kubelet_config;  // KubeletConfiguration, YAML
};

// The flags that kubeadm would write for this node, as an environment file.
// INVALID_ARGUMENT if a value holds anything but letters, digits and "./:-_".
absl::StatusOr<std::string> KubeletFlags(const NodeIdentity& self);

// Writes all files that kubelet starts from: the cluster's CA, kubelet.conf,
// config.yaml, the flags, and certificate with key as the file that kubelet
// renews (kubelet-client-current.pem). The state disk must be mounted: the key
// must not touch any other. Overwrites. Errors are those of the file system.
absl::Status WriteKubeletFiles(const KubeletCredentials& credentials,
                               const NodeIdentity& self,
                               const NodePaths& paths);

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_KUBELET_FILES_H_
