// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/cluster_objects.h"

#include <algorithm>
#include <filesystem>

#include "bootstrapper/kubeadm_config.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/secret_bytes.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "kubernetes/manifest.h"

namespace constellation::bootstrapper {
namespace {

using Json = nlohmann::json;

constexpr char kNamespace[] = "kube-system";
constexpr size_t kMaxManifest = size_t{1} << 20U;
constexpr char kNodeAgentRole[] = "constellation:node-agent";

// All of them are the system's.
Json Metadata(const char* name) {
  return {{"name", name}, {"namespace", kNamespace}};
}

}  // namespace

// Immutable: nobody may exchange the secret under running services.
Json MasterSecretObject(const InitParameters& parameters) {
  return {{"apiVersion", "v1"},
          {"kind", "Secret"},
          {"metadata", Metadata("constellation-mastersecret")},
          {"type", "Opaque"},
          {"immutable", true},
          {"data",
           {{"key", Base64Encode(parameters.master_key.Expose())},
            {"salt", Base64Encode(parameters.master_salt)}}}};
}

Json JoinConfigObject(const InitParameters& parameters) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", Metadata("join-config")},
          {"data", {{"attestationConfig", parameters.attestation_policy}}},
          {"binaryData",
           {{"measurementSalt", Base64Encode(parameters.measurement_salt)}}}};
}

Json ClusterInfoObject(const InitParameters& parameters,
                       const NodeIdentity& self) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", Metadata("constellation-cluster")},
          {"data",
           {{"apiServerEndpoint", ApiServerEndpoint(self)},
            {"clusterName", parameters.cluster_name},
            {"kubernetesVersion", parameters.kubernetes_version},
            {"podCIDR", parameters.pod_cidr},
            {"serviceCIDR", parameters.service_cidr},
            {"clusterDNS", kClusterDnsAddress},
            {"timeScale", std::to_string(parameters.time_scale)}}}};
}

std::vector<Json> NodeAgentAccessObjects() {
  const Json role = {
      {"apiVersion", "rbac.authorization.k8s.io/v1"},
      {"kind", "ClusterRole"},
      {"metadata", {{"name", kNodeAgentRole}}},
      {"rules",
       Json::array({{{"apiGroups", Json::array({""})},
                     {"resources", Json::array({"services", "endpoints"})},
                     {"verbs", Json::array({"get", "list", "watch"})}},
                    {{"apiGroups", Json::array({""})},
                     {"resources", Json::array({"configmaps"})},
                     {"resourceNames", Json::array({"constellation-cluster"})},
                     {"verbs", Json::array({"get"})}}})}};
  const Json binding = {
      {"apiVersion", "rbac.authorization.k8s.io/v1"},
      {"kind", "ClusterRoleBinding"},
      {"metadata", {{"name", kNodeAgentRole}}},
      {"roleRef",
       {{"apiGroup", "rbac.authorization.k8s.io"},
        {"kind", "ClusterRole"},
        {"name", kNodeAgentRole}}},
      {"subjects", Json::array({{{"apiGroup", "rbac.authorization.k8s.io"},
                                 {"kind", "Group"},
                                 {"name", "system:nodes"}}})}};
  return {role, binding};
}

// Only the strings of this value: copies that a library made are out of reach.
void WipeStrings(Json& json) {
  if (json.is_string()) {
    auto& text = json.get_ref<std::string&>();
    Wipe({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  } else if (json.is_structured()) {
    for (Json& member : json) {
      WipeStrings(member);
    }
  }
}

// Sorted by name, so that a number at the beginning of a name gives the order.
absl::StatusOr<std::vector<Json>> ReadManifests(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> files;
  // Not a range-for: that increments with an exception.
  for (std::filesystem::directory_iterator entry(folder, error), end;
       !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".yaml") {
      files.push_back(entry->path().string());
    }
  }
  if (error) {
    return ErrnoStatus(error.value(), "list", folder);
  }
  std::ranges::sort(files);
  std::vector<Json> objects;
  for (const std::string& file : files) {
    ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kMaxManifest));
    auto parsed = kubernetes::ParseManifest(text);
    if (!parsed.ok()) {
      return Annotate(parsed.status(), file);
    }
    std::ranges::move(*parsed, std::back_inserter(objects));
  }
  return objects;
}

}  // namespace constellation::bootstrapper
