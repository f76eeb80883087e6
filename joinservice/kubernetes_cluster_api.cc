// SPDX-License-Identifier: Apache-2.0
#include "joinservice/kubernetes_cluster_api.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>

#include "common/status.h"
#include "common/status_macros.h"
#include "kubernetes/bootstrap_token.h"
#include "kubernetes/csr.h"
#include "kubernetes/json.h"

namespace constellation::joinservice {
namespace {

constexpr char kConfigMaps[] = "/api/v1/namespaces/kube-system/configmaps/";
// Long enough for kubeadm on a slow machine, short enough to be worth little.
constexpr absl::Duration kTokenLifetime = absl::Minutes(15);
constexpr absl::Duration kSigningTimeout = absl::Seconds(60);
constexpr uint32_t kMaxTimeScale = 20;
constexpr unsigned kFirstPlainMinor = 24;

// A value of a ConfigMap that must be there and not be empty.
absl::StatusOr<std::string> Entry(const kubernetes::Json& config_map,
                                  std::string_view key) {
  absl::StatusOr<std::string> text =
      kubernetes::RequireString(config_map, {"data", key});
  if (text.ok()) return text;
  return FailedPrecondition(fmt::format(
      "ConfigMap {}: {}",
      kubernetes::FindString(config_map, {"metadata", "name"}).value_or(""),
      Message(text.status())));
}

// Bounded, because every time-out of a joining node is multiplied by it.
absl::StatusOr<uint32_t> ParseTimeScale(std::string_view text) {
  uint32_t scale = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, scale);
  if (error != std::errc() || stopped != end || scale < 1 ||
      scale > kMaxTimeScale) {
    return FailedPrecondition(fmt::format(
        "ConfigMap constellation-cluster: timeScale: want 1 to {}, got '{}'",
        kMaxTimeScale, text));
  }
  return scale;
}

// Where kubeadm of `version` ("v1.20.2") puts the kubelets' configuration:
// "kubelet-config-1.20", since 1.24 "kubelet-config".
absl::StatusOr<std::string> KubeletConfigName(const std::string& version) {
  unsigned major = 0, minor = 0, patch = 0;
  int length = -1;
  if (std::sscanf(version.c_str(), "v%3u.%3u.%3u%n", &major, &minor, &patch,
                  &length) != 3 ||
      length != static_cast<int>(version.size())) {
    return FailedPrecondition(
        fmt::format("ConfigMap constellation-cluster: kubernetesVersion: want "
                    "v<major>.<minor>.<patch>, got '{}'",
                    version));
  }
  if (major > 1 || minor >= kFirstPlainMinor) return "kubelet-config";
  return fmt::format("kubelet-config-{}.{}", major, minor);
}

}  // namespace

absl::StatusOr<ClusterFacts> KubernetesClusterApi::Facts() {
  const std::string folder = kConfigMaps;
  ClusterFacts facts;
  ASSIGN_OR_RETURN(const kubernetes::Json cluster,
                   client_.Get(folder + "constellation-cluster"));
  ASSIGN_OR_RETURN(facts.api_server_endpoint,
                   Entry(cluster, "apiServerEndpoint"));
  ASSIGN_OR_RETURN(facts.kubernetes_version,
                   Entry(cluster, "kubernetesVersion"));
  ASSIGN_OR_RETURN(const std::string time_scale, Entry(cluster, "timeScale"));
  ASSIGN_OR_RETURN(facts.time_scale, ParseTimeScale(time_scale));
  ASSIGN_OR_RETURN(const kubernetes::Json authority,
                   client_.Get(folder + "kube-root-ca.crt"));
  ASSIGN_OR_RETURN(facts.cluster_ca_pem, Entry(authority, "ca.crt"));
  ASSIGN_OR_RETURN(const std::string config_name,
                   KubeletConfigName(facts.kubernetes_version));
  ASSIGN_OR_RETURN(const kubernetes::Json kubelet,
                   client_.Get(folder + config_name));
  ASSIGN_OR_RETURN(facts.kubelet_config, Entry(kubelet, "kubelet"));
  return facts;
}

// The request was checked by the caller; here it is only approved and signed.
absl::StatusOr<std::string> KubernetesClusterApi::IssueKubeletCertificate(
    std::string_view csr_pem, std::string_view node_name) {
  kubernetes::CertificateRequest request;
  request.name_prefix = fmt::format("{}-", node_name);
  request.csr_pem = csr_pem;
  return kubernetes::IssueCertificate(client_, clock_, request,
                                      "the node's evidence was accepted",
                                      kSigningTimeout);
}

absl::StatusOr<SecretBytes> KubernetesClusterApi::CreateBootstrapToken(
    std::string_view node_name) {
  return kubernetes::CreateBootstrapToken(
      client_, clock_, kTokenLifetime,
      fmt::format("join of control-plane node {}", node_name));
}

}  // namespace constellation::joinservice
