// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/cluster_api.h"

#include <utility>

#include "absl/time/time.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "kubernetes/client.h"
#include "kubernetes/json.h"

namespace constellation::cli {
namespace {

using kubernetes::Json;

constexpr std::string_view kJoinConfigPath =
    "/api/v1/namespaces/kube-system/configmaps/join-config";
constexpr char kPolicyField[] = "attestationConfig";
constexpr std::string_view kFieldManager = "constellation-cli";

// Missing fields are empty: a kubelet fills them in one by one.
KubernetesNode NodeOf(const Json& object) {
  const auto text = [](const Json& value,
                       std::initializer_list<std::string_view> path) {
    return kubernetes::FindString(value, path).value_or("");
  };
  KubernetesNode node;
  node.name = text(object, {"metadata", "name"});
  node.version = text(object, {"status", "nodeInfo", "kubeletVersion"});
  node.reason = "no Ready condition yet";
  const Json* conditions = kubernetes::Find(object, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) {
    return node;
  }
  for (const Json& condition : *conditions) {
    if (text(condition, {"type"}) == "Ready") {
      node.ready = text(condition, {"status"}) == "True";
      node.reason = node.ready ? "" : text(condition, {"message"});
    }
  }
  return node;
}

class KubernetesClusterApi final : public ClusterApi {
 public:
  explicit KubernetesClusterApi(std::unique_ptr<kubernetes::Client> client)
      : client_(std::move(client)) {}

  absl::StatusOr<std::vector<KubernetesNode>> ListNodes() override {
    ASSIGN_OR_RETURN(const kubernetes::ObjectList list,
                     client_->List("/api/v1/nodes"));
    std::vector<KubernetesNode> nodes;
    nodes.reserve(list.items.size());
    for (const Json& item : list.items) {
      nodes.push_back(NodeOf(item));
    }
    return nodes;
  }

  // A ConfigMap without the field counts as not found.
  absl::StatusOr<std::string> GetAttestationPolicy() override {
    ASSIGN_OR_RETURN(const Json object, client_->Get(kJoinConfigPath));
    return kubernetes::RequireString(object, {"data", kPolicyField});
  }

  absl::Status SetAttestationPolicy(const std::string& json) override {
    const Json object = {
        {"apiVersion", "v1"},
        {"kind", "ConfigMap"},
        {"metadata", {{"name", "join-config"}, {"namespace", "kube-system"}}},
        {"data", {{kPolicyField, json}}}};
    // The bootstrapper wrote the field first; from now on it is the owner's.
    return client_->Apply(object, kFieldManager, /*force=*/true).status();
  }

 private:
  std::unique_ptr<kubernetes::Client> client_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ClusterApi>> ConnectKubernetes(
    const std::string& kubeconfig) {
  ASSIGN_OR_RETURN(std::unique_ptr<kubernetes::Client> client,
                   kubernetes::Client::FromKubeconfig(kubeconfig));
  // An API server on an emulated machine answers slowly.
  client->set_timeout(absl::Seconds(30));
  return std::make_unique<KubernetesClusterApi>(std::move(client));
}

}  // namespace constellation::cli
