// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_KUBEADM_CONFIG_H_
#define CONSTELLATION_BOOTSTRAPPER_KUBEADM_CONFIG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bootstrapper/init_parameters.h"
#include "common/secret_bytes.h"

namespace constellation::bootstrapper {

inline constexpr char kContainerdSocket[] = "/run/containerd/containerd.sock";
inline constexpr char kPauseImage[] = "k8s.gcr.io/pause:3.2";
// Where every node's own DNS server listens (pod_network). Link-local, so it is
// the same everywhere and never leaves the node.
inline constexpr char kClusterDnsAddress[] = "169.254.20.10";
inline constexpr char kClusterDnsDomain[] = "cluster.local";

// `timeout` times `time_scale`, but not more than `max_factor` times.
absl::Duration Scaled(absl::Duration timeout, uint32_t time_scale,
                      uint32_t max_factor = kMaxTimeScale);

// Host and port where nodes find the API server: the load balancer of the
// cloud, else `self`.
std::string ApiServerEndpoint(const NodeIdentity& self);

// Configuration for `kubeadm init` 1.20 (v1beta2): one JSON document for each
// of kubeadm, kubelet and kube-proxy, separated as YAML documents. JSON, so no
// value can break out of its place. Holds no secrets. `parameters` and `self`
// have been validated.
std::string MakeInitConfig(const InitParameters& parameters,
                           const NodeIdentity& self,
                           std::string_view audit_policy_path,
                           std::string_view audit_log_folder);

struct ControlPlaneJoin {
  std::string api_server_endpoint;
  SecretBytes bootstrap_token;
  std::string ca_cert_hash;
};

// Configuration for `kubeadm join --control-plane`; holds the bootstrap token,
// so hand it over on standard input.
SecretBytes MakeJoinConfig(const ControlPlaneJoin& join,
                           const NodeIdentity& self);

// Configuration for `kubeadm init phase etcd local` on a further control-plane
// node: this node, in the cluster of `cluster_configuration` (YAML). Holds no
// secrets.
std::string MakeEtcdConfig(std::string_view cluster_configuration,
                           const NodeIdentity& self);

// What the API server writes to its audit log: who did what, without contents.
std::string_view AuditPolicyYaml();

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_KUBEADM_CONFIG_H_
