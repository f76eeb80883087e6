// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/cloud_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "cli/terminal/table.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

using cloud::ClusterInstance;

// A provider and whose machines are asked for.
struct Asked {
  std::unique_ptr<CloudConnection> connection;
  cloud::ClusterIdentity identity;
};

// Only the uid of the state decides whose machines are asked for.
absl::StatusOr<Asked> Connect(const Config& config, const State& state,
                              const CloudTools& tools) {
  const Infrastructure& infrastructure = state.infrastructure;
  if (infrastructure.cloud.provider != config.provider) {
    return FailedPrecondition(
        fmt::format("the cluster runs on {}, the config file says {}",
                    infrastructure.cloud.provider, config.provider));
  }
  Asked asked;
  ASSIGN_OR_RETURN(asked.connection, tools.connect(config.cloud));
  asked.identity.uid = infrastructure.uid;
  asked.identity.name = infrastructure.name;
  asked.identity.cloud = asked.connection->provider().Name();
  ASSIGN_OR_RETURN(asked.identity.scope, asked.connection->provider().Scope());
  return asked;
}

// What the API server says of the machine called `name`.
std::string KubernetesText(const CloudStatus& status, const std::string& name) {
  if (!status.nodes.ok()) {
    return "unknown";
  }
  const auto node =
      std::ranges::find(*status.nodes, name, &KubernetesNode::name);
  if (node == status.nodes->end()) {
    return "not registered";
  }
  return node->ready ? "Ready" : "not ready: " + node->reason;
}

}  // namespace

absl::StatusOr<CloudStatus> AskCloudStatus(
    const Config& config, const State& state, const CloudTools& tools,
    absl::StatusOr<std::vector<KubernetesNode>> nodes) {
  ASSIGN_OR_RETURN(const Asked asked, Connect(config, state, tools));
  CloudStatus status;
  status.scope = asked.identity.scope;
  status.nodes = std::move(nodes);
  ASSIGN_OR_RETURN(status.instances,
                   asked.connection->provider().Instances(asked.identity));
  std::ranges::sort(status.instances,
                    [](const ClusterInstance& a, const ClusterInstance& b) {
                      return std::tie(a.metadata.role, a.metadata.name, a.id) <
                             std::tie(b.metadata.role, b.metadata.name, b.id);
                    });
  return status;
}

// Cells of the table are cleaned by Table; the rest is ours or cleaned here.
std::string RenderCloudStatus(const State& state, const CloudStatus& status) {
  const Infrastructure& infrastructure = state.infrastructure;
  const std::string& cluster_id = state.cluster_values.cluster_id;
  std::string text = fmt::format(
      "Cluster:     {} ({}) on {}, {}\nCluster ID:  {}\nEndpoint:    {}\n\n",
      infrastructure.name, infrastructure.uid, infrastructure.cloud.provider,
      Printable(status.scope), cluster_id.empty() ? "none yet" : cluster_id,
      infrastructure.cluster_endpoint.empty()
          ? "none yet"
          : infrastructure.cluster_endpoint);
  Table table(
      {"NODE", "GROUP", "ROLE", "ZONE", "ADDRESS", "MACHINE", "KUBERNETES"});
  for (const ClusterInstance& instance : status.instances) {
    const cloud::InstanceMetadata& node = instance.metadata;
    table.AddRow({node.name.empty() ? instance.id : node.name, instance.group,
                  std::string(cloud::NodeRoleName(node.role)), node.zone,
                  node.cluster_ip, instance.state,
                  KubernetesText(status, node.name)});
  }
  return text + table.Render();
}

nlohmann::json CloudStatusToJson(const State& state,
                                 const CloudStatus& status) {
  nlohmann::json nodes = nlohmann::json::array();
  for (const ClusterInstance& instance : status.instances) {
    const cloud::InstanceMetadata& node = instance.metadata;
    nodes.push_back({{"name", node.name},
                     {"id", instance.id},
                     {"group", instance.group},
                     {"role", cloud::NodeRoleName(node.role)},
                     {"zone", node.zone},
                     {"address", node.cluster_ip},
                     {"machine", instance.state},
                     {"kubernetes", KubernetesText(status, node.name)}});
  }
  const Infrastructure& infrastructure = state.infrastructure;
  return {{"name", infrastructure.name},
          {"uid", infrastructure.uid},
          {"provider", infrastructure.cloud.provider},
          {"scope", status.scope},
          {"clusterID", state.cluster_values.cluster_id},
          {"endpoint", infrastructure.cluster_endpoint},
          {"nodes", std::move(nodes)}};
}

absl::Status AddCloudNodes(const Config& config, const CloudTools& tools,
                           State& state) {
  ASSIGN_OR_RETURN(const CloudStatus status,
                   AskCloudStatus(config, state, tools, NotFound("not asked")));
  for (const ClusterInstance& instance : status.instances) {
    StateNode node;
    node.name = instance.metadata.name;
    node.role = cloud::NodeRoleName(instance.metadata.role);
    state.infrastructure.qemu.nodes.push_back(std::move(node));
  }
  return absl::OkStatus();
}

// Name or id: a machine that did not boot may have no name yet.
absl::StatusOr<std::string> CloudConsole(const Config& config,
                                         const State& state,
                                         const CloudTools& tools,
                                         const std::string& node) {
  ASSIGN_OR_RETURN(const Asked asked, Connect(config, state, tools));
  cloud::Provider& provider = asked.connection->provider();
  ASSIGN_OR_RETURN(const std::vector<ClusterInstance> instances,
                   provider.Instances(asked.identity));
  std::string known;
  for (const ClusterInstance& instance : instances) {
    if (instance.metadata.name == node || instance.id == node) {
      return provider.ConsoleLog(asked.identity, instance.id);
    }
    known += (known.empty() ? "" : ", ") + Printable(instance.metadata.name);
  }
  return NotFound(fmt::format("--console: there is no node {}; there {}", node,
                              known.empty() ? "are none" : "are: " + known));
}

}  // namespace constellation::cli
