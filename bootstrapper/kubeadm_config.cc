// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/kubeadm_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "bootstrapper/node_labels.h"
#include "common/hex.h"

namespace constellation::bootstrapper {
namespace {

using Json = nlohmann::json;

constexpr char kKubeadmApi[] = "kubeadm.k8s.io/v1beta2";
constexpr int kApiServerPort = 6443;
// Leases must expire some day also on a slow machine: after a reboot the
// controllers wait for the old one.
constexpr uint32_t kMaxLeaseFactor = 10;
constexpr uint32_t kMaxEtcdFactor = 10;
constexpr uint32_t kMaxRuntimeFactor = 5;
constexpr char kVolumePlugins[] = "/var/lib/kubelet/volumeplugins";

// As Kubernetes writes durations: whole seconds.
std::string Seconds(absl::Duration duration) {
  return fmt::format("{}s", absl::ToInt64Seconds(duration));
}

// The name is the one that the ticket, or the owner, knows.
Json NodeRegistration(const NodeIdentity& self) {
  Json arguments = {{"node-ip", self.cluster_ip}};
  if (!self.provider_id.empty()) {
    arguments["provider-id"] = self.provider_id;
  }
  if (std::string labels = NodeLabels(self); !labels.empty()) {
    arguments["node-labels"] = std::move(labels);
  }
  return {{"name", self.name},
          {"criSocket", kContainerdSocket},
          {"kubeletExtraArgs", std::move(arguments)}};
}

Json InitConfiguration(const NodeIdentity& self) {
  return {
      {"apiVersion", kKubeadmApi},
      {"kind", "InitConfiguration"},
      // kubeadm insists on a bootstrap token; nobody uses this one.
      {"bootstrapTokens", Json::array({{{"ttl", "1m0s"}}})},
      {"nodeRegistration", NodeRegistration(self)},
      {"localAPIEndpoint",
       {{"advertiseAddress", self.cluster_ip}, {"bindPort", kApiServerPort}}}};
}

// Loopback is in the certificate because the local platform forwards ports
// there.
Json ApiServer(const InitParameters& parameters, const NodeIdentity& self,
               std::string_view audit_policy_path,
               std::string_view audit_log_folder) {
  std::vector<std::string> sans = {"127.0.0.1", "localhost", self.cluster_ip};
  for (const std::string& san : parameters.api_server_cert_sans) {
    if (std::ranges::find(sans, san) == sans.end()) {
      sans.push_back(san);
    }
  }
  return {{"certSANs", sans},
          {"timeoutForControlPlane",
           Seconds(Scaled(absl::Minutes(5), parameters.time_scale))},
          {"extraArgs",
           {{"audit-log-path", fmt::format("{}/audit.log", audit_log_folder)},
            {"audit-log-maxage", "30"},
            {"audit-log-maxbackup", "10"},
            {"audit-log-maxsize", "100"},
            {"audit-policy-file", audit_policy_path},
            {"profiling", "false"},
            // Below lie the ports of the attestation services (30081, 30090):
            // no Service of a user may take them.
            {"service-node-port-range", "30100-32767"},
            {"tls-min-version", "VersionTLS12"}}},
          {"extraVolumes", Json::array({{{"name", "audit-policy"},
                                         {"hostPath", audit_policy_path},
                                         {"mountPath", audit_policy_path},
                                         {"readOnly", true},
                                         {"pathType", "File"}},
                                        {{"name", "audit-logs"},
                                         {"hostPath", audit_log_folder},
                                         {"mountPath", audit_log_folder},
                                         {"pathType", "DirectoryOrCreate"}}})}};
}

// Stretched together: the deadline must stay below the lease.
Json LeaderElection(uint32_t time_scale) {
  const auto scaled = [time_scale](int seconds) {
    return Seconds(Scaled(absl::Seconds(seconds), time_scale, kMaxLeaseFactor));
  };
  return {{"profiling", "false"},
          {"leader-elect-lease-duration", scaled(15)},
          {"leader-elect-renew-deadline", scaled(10)},
          {"leader-elect-retry-period", scaled(2)}};
}

// On slow machines heartbeats of nodes are late, too.
Json ControllerManagerArguments(uint32_t time_scale) {
  Json arguments = LeaderElection(time_scale);
  arguments["node-monitor-grace-period"] =
      Seconds(Scaled(absl::Seconds(40), time_scale));
  // The default lies in the read-only part of the node.
  arguments["flex-volume-plugin-dir"] = kVolumePlugins;
  return arguments;
}

// etcd's election time-out stays ten times its heartbeat, as its documentation
// wants.
Json ClusterConfiguration(const InitParameters& parameters,
                          const NodeIdentity& self,
                          std::string_view audit_policy_path,
                          std::string_view audit_log_folder) {
  const uint32_t etcd_factor = std::min(parameters.time_scale, kMaxEtcdFactor);
  return {
      {"apiVersion", kKubeadmApi},
      {"kind", "ClusterConfiguration"},
      {"clusterName", parameters.cluster_name},
      {"kubernetesVersion", parameters.kubernetes_version},
      {"controlPlaneEndpoint", ApiServerEndpoint(self)},
      // P-256 instead of RSA-2048: seconds instead of a minute in emulation.
      {"featureGates", {{"PublicKeysECDSA", true}}},
      {"networking",
       {{"podSubnet", parameters.pod_cidr},
        {"serviceSubnet", parameters.service_cidr},
        {"dnsDomain", kClusterDnsDomain}}},
      {"apiServer",
       ApiServer(parameters, self, audit_policy_path, audit_log_folder)},
      {"controllerManager",
       {{"extraArgs", ControllerManagerArguments(parameters.time_scale)}}},
      {"scheduler", {{"extraArgs", LeaderElection(parameters.time_scale)}}},
      {"etcd",
       {{"local",
         {{"dataDir", "/var/lib/etcd"},
          {"extraArgs",
           {{"heartbeat-interval", std::to_string(100 * etcd_factor)},
            {"election-timeout", std::to_string(1000 * etcd_factor)}}}}}}}};
}

// Goes to every node by way of the ticket, so nothing in it is one node's own.
Json KubeletConfiguration(uint32_t time_scale) {
  return {{"apiVersion", "kubelet.config.k8s.io/v1beta1"},
          {"kind", "KubeletConfiguration"},
          {"cgroupDriver", "systemd"},
          {"clusterDNS", Json::array({kClusterDnsAddress})},
          {"clusterDomain", kClusterDnsDomain},
          {"rotateCertificates", true},
          {"tlsMinVersion", "VersionTLS12"},
          {"volumePluginDir", kVolumePlugins},
          // The images of the node image are not ours to delete.
          {"imageGCHighThresholdPercent", 100},
          {"nodeLeaseDurationSeconds",
           absl::ToInt64Seconds(Scaled(absl::Seconds(40), time_scale))},
          {"runtimeRequestTimeout",
           Seconds(Scaled(absl::Minutes(2), time_scale, kMaxRuntimeFactor))}};
}

// iptables is what the node image brings.
Json KubeProxyConfiguration(const InitParameters& parameters) {
  return {{"apiVersion", "kubeproxy.config.k8s.io/v1alpha1"},
          {"kind", "KubeProxyConfiguration"},
          {"mode", "iptables"},
          {"clusterCIDR", parameters.pod_cidr},
          // Zero: leave the kernel's values alone.
          {"conntrack", {{"maxPerCore", 0}, {"min", 0}}}};
}

}  // namespace

absl::Duration Scaled(absl::Duration timeout, uint32_t time_scale,
                      uint32_t max_factor) {
  return timeout *
         static_cast<double>(std::clamp<uint32_t>(time_scale, 1, max_factor));
}

std::string ApiServerEndpoint(const NodeIdentity& self) {
  return self.api_server_endpoint.empty()
             ? fmt::format("{}:{}", self.cluster_ip, kApiServerPort)
             : self.api_server_endpoint;
}

std::string MakeInitConfig(const InitParameters& parameters,
                           const NodeIdentity& self,
                           std::string_view audit_policy_path,
                           std::string_view audit_log_folder) {
  const std::vector<Json> documents = {
      InitConfiguration(self),
      ClusterConfiguration(parameters, self, audit_policy_path,
                           audit_log_folder),
      KubeletConfiguration(parameters.time_scale),
      KubeProxyConfiguration(parameters)};
  std::string text;
  for (const Json& document : documents) {
    text += (text.empty() ? "" : "---\n") + document.dump(2) + "\n";
  }
  return text;
}

// Copies of the token are wiped; what the JSON library freed before cannot be.
SecretBytes MakeJoinConfig(const ControlPlaneJoin& join,
                           const NodeIdentity& self) {
  Json document = {{"apiVersion", kKubeadmApi},
                   {"kind", "JoinConfiguration"},
                   {"nodeRegistration", NodeRegistration(self)},
                   {"discovery",
                    {{"bootstrapToken",
                      {{"apiServerEndpoint", join.api_server_endpoint},
                       {"token", AsText(join.bootstrap_token.Expose())},
                       {"caCertHashes", Json::array({join.ca_cert_hash})}}}}},
                   {"controlPlane",
                    {{"localAPIEndpoint",
                      {{"advertiseAddress", self.cluster_ip},
                       {"bindPort", kApiServerPort}}}}}};
  std::string text = document.dump(2);
  auto& token =
      document["discovery"]["bootstrapToken"]["token"].get_ref<std::string&>();
  SecretBytes config(AsBytes(text));
  for (std::string* copy : {&text, &token}) {
    Wipe({reinterpret_cast<uint8_t*>(copy->data()), copy->size()});
  }
  return config;
}

std::string MakeEtcdConfig(std::string_view cluster_configuration,
                           const NodeIdentity& self) {
  return fmt::format("{}\n---\n{}\n", InitConfiguration(self).dump(2),
                     cluster_configuration);
}

// Bodies are never logged: Secrets would be in them.
std::string_view AuditPolicyYaml() {
  return R"(apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  # Heartbeats of nodes and controllers.
  - level: None
    resources:
      - group: coordination.k8s.io
        resources: [leases]
      - group: ""
        resources: [events]
      - group: events.k8s.io
        resources: [events]
  - level: None
    nonResourceURLs: ["/healthz*", "/livez*", "/readyz*", "/version", "/openapi*"]
  # Reading by the system itself.
  - level: None
    userGroups: ["system:nodes", "system:serviceaccounts:kube-system"]
    verbs: [get, list, watch]
  - level: None
    users: ["system:kube-controller-manager", "system:kube-scheduler", "system:apiserver"]
    verbs: [get, list, watch, update, patch]
  # All else: who, what, when; never the contents.
  - level: Metadata
)";
}

}  // namespace constellation::bootstrapper
