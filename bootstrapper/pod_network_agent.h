// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_POD_NETWORK_AGENT_H_
#define CONSTELLATION_BOOTSTRAPPER_POD_NETWORK_AGENT_H_

#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bootstrapper/cluster_dns.h"
#include "bootstrapper/dns_records.h"
#include "bootstrapper/network_names.h"
#include "bootstrapper/node_paths.h"
#include "bootstrapper/object_cache.h"
#include "bootstrapper/pod_network.h"
#include "cloud/boot_status.h"
#include "common/clock.h"
#include "common/command.h"
#include "kubernetes/client.h"

namespace constellation::bootstrapper {

// Keeps the pod network and the DNS of this node as the API server wants them,
// with the rights of the node's kubelet. Thread-compatible.
class PodNetworkAgent final {
 public:
  // Everything outlives it.
  PodNetworkAgent(CommandRunner& runner, NodePaths paths,
                  cloud::BootStatus& status, Clock& clock)
      : runner_(runner),
        paths_(std::move(paths)),
        status_(status),
        clock_(clock),
        nodes_(FactsOfNode, node_changes_),
        services_(FactsOfService, dns_changes_),
        endpoints_(FactsOfEndpoints, dns_changes_) {}

  // Until `stop` is requested. An error means that the node has no state.
  absl::Status Run(const std::stop_token& stop);

 private:
  absl::StatusOr<std::unique_ptr<kubernetes::Client>> Connect() const;
  absl::StatusOr<ClusterNetworks> ReadClusterNetworks();
  void WatchUntil(const std::stop_token& stop, const std::string& path,
                  kubernetes::WatchHandler& handler);
  void RunNetwork(const std::stop_token& stop, const std::string& self,
                  const ClusterNetworks& cluster);
  void RunDns(const std::stop_token& stop);
  absl::Status Publish(const std::string& self, const std::string& key);

  CommandRunner& runner_;
  const NodePaths paths_;
  cloud::BootStatus& status_;
  Clock& clock_;
  ChangeSignal node_changes_;
  ChangeSignal dns_changes_;
  ObjectCache<NodeFacts> nodes_;
  ObjectCache<ServiceFacts> services_;
  ObjectCache<EndpointsFacts> endpoints_;
};

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_POD_NETWORK_AGENT_H_
