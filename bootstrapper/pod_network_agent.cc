// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/pod_network_agent.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <thread>

#include "bootstrapper/node_state.h"
#include "common/files.h"
#include "common/secret_bytes.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "kubernetes/json.h"

namespace constellation::bootstrapper {
namespace {

constexpr absl::Duration kRetryInterval = absl::Seconds(3);
constexpr absl::Duration kCheckInterval = absl::Minutes(5);
// Changes of Services come in bursts; the server is told once.
constexpr absl::Duration kDnsSettling = absl::Milliseconds(500);
constexpr char kClusterInfo[] =
    "/api/v1/namespaces/kube-system/configmaps/constellation-cluster";

}  // namespace

// With the node's own rights, which are few.
absl::StatusOr<std::unique_ptr<kubernetes::Client>> PodNetworkAgent::Connect()
    const {
  ASSIGN_OR_RETURN(std::string yaml, ReadFile(paths_.KubeletKubeconfig()));
  auto client = kubernetes::Client::FromKubeconfig(yaml);
  Wipe({reinterpret_cast<uint8_t*>(yaml.data()), yaml.size()});
  return client;
}

// They never change in the life of a cluster.
absl::StatusOr<ClusterNetworks> PodNetworkAgent::ReadClusterNetworks() {
  ASSIGN_OR_RETURN(const auto client, Connect());
  ASSIGN_OR_RETURN(const kubernetes::Json info, client->Get(kClusterInfo));
  ASSIGN_OR_RETURN(const std::string pods,
                   kubernetes::RequireString(info, {"data", "podCIDR"}));
  ASSIGN_OR_RETURN(const std::string services,
                   kubernetes::RequireString(info, {"data", "serviceCIDR"}));
  ASSIGN_OR_RETURN(const Ipv4Network pod_network, Ipv4Network::Parse(pods));
  ASSIGN_OR_RETURN(const Ipv4Network service_network,
                   Ipv4Network::Parse(services));
  return ClusterNetworks{pod_network, service_network};
}

absl::Status PodNetworkAgent::Run(const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const std::string json, ReadFile(paths_.NodeState()));
  ASSIGN_OR_RETURN(const NodeState state, ParseNodeState(json));
  auto cluster = ReadClusterNetworks();
  while (!cluster.ok() && !stop.stop_requested()) {
    status_.Report("pod-network", cloud::BootState::kWaiting,
                   Message(cluster.status()));
    clock_.Sleep(kRetryInterval);
    cluster = ReadClusterNetworks();
  }
  const auto watch = [this](const char* path,
                            kubernetes::WatchHandler& handler) {
    return std::jthread([this, path, &handler](const std::stop_token& token) {
      WatchUntil(token, path, handler);
    });
  };
  const std::jthread nodes = watch("/api/v1/nodes", nodes_);
  const std::jthread services = watch("/api/v1/services", services_);
  const std::jthread endpoints = watch("/api/v1/endpoints", endpoints_);
  const std::jthread dns(
      [this](const std::stop_token& token) { RunDns(token); });
  if (cluster.ok()) {
    RunNetwork(stop, state.node_name, *cluster);
  }
  return absl::OkStatus();
}

// A new client each time: kubelet's certificate may have been renewed.
void PodNetworkAgent::WatchUntil(const std::stop_token& stop,
                                 const std::string& path,
                                 kubernetes::WatchHandler& handler) {
  while (!stop.stop_requested()) {
    absl::Status status;
    if (const auto client = Connect(); client.ok()) {
      status = kubernetes::Watch(**client, path, {}, clock_, stop, handler);
    } else {
      status = client.status();
    }
    if (!stop.stop_requested()) {
      spdlog::warn("event=watch-ended path={} error=\"{}\"", path,
                   Message(status));
      clock_.Sleep(kRetryInterval);
    }
  }
}

// Acts on every change, and now and then without one: somebody may have changed
// the node's network from outside.
void PodNetworkAgent::RunNetwork(const std::stop_token& stop,
                                 const std::string& self,
                                 const ClusterNetworks& cluster) {
  const std::stop_callback wake(stop, [this] { node_changes_.Notify(); });
  PodNetwork network(runner_, paths_, self, cluster);
  uint64_t seen = 0;
  absl::Duration wait = kRetryInterval;
  bool check_all = false;
  while (!stop.stop_requested()) {
    const uint64_t changes = node_changes_.Wait(seen, wait);
    check_all = check_all || changes == seen;
    seen = changes;
    const auto nodes = nodes_.Snapshot();
    const auto result = network.Reconcile(nodes, check_all);
    absl::Status status = result.status();
    if (status.ok() && nodes.at(self).wireguard_key != result->public_key) {
      status = Publish(self, result->public_key);
    }
    check_all = false;
    wait = status.ok() ? kCheckInterval : kRetryInterval;
    if (status.ok() && nodes.at(self).ready) {
      status_.Report("node-ready", cloud::BootState::kDone);
    } else if (status.ok()) {
      status_.Report("pod-network", cloud::BootState::kDone);
    } else {
      status_.Report("pod-network", cloud::BootState::kWaiting,
                     Message(status));
    }
  }
}

// Waits for the first list: an empty one would take all names away.
void PodNetworkAgent::RunDns(const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] { dns_changes_.Notify(); });
  ClusterDns dns(runner_, paths_.root + kDnsFolder);
  uint64_t seen = 0;
  absl::Duration wait = kRetryInterval;
  while (!stop.stop_requested()) {
    seen = dns_changes_.Wait(seen, wait);
    clock_.Sleep(kDnsSettling);
    if (!services_.listed()) {
      continue;
    }
    const absl::Status status =
        dns.Update(services_.Snapshot(), endpoints_.Snapshot());
    wait = status.ok() ? kCheckInterval : kRetryInterval;
    if (!status.ok()) {
      spdlog::warn("event=dns-failed error=\"{}\"", Message(status));
    }
  }
}

// Others read the key from this node's object; only this node may write it.
absl::Status PodNetworkAgent::Publish(const std::string& self,
                                      const std::string& key) {
  ASSIGN_OR_RETURN(const auto client, Connect());
  const kubernetes::Json patch = {
      {"metadata", {{"annotations", {{kWireGuardKeyAnnotation, key}}}}}};
  return client
      ->Patch(fmt::format("/api/v1/nodes/{}", self),
              kubernetes::PatchType::kMerge, patch)
      .status();
}

}  // namespace constellation::bootstrapper
