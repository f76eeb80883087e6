// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_CLUSTER_DNS_H_
#define CONSTELLATION_BOOTSTRAPPER_CLUSTER_DNS_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "bootstrapper/dns_records.h"
#include "common/command.h"

namespace constellation::bootstrapper {

inline constexpr char kDnsUnit[] = "constellation-dns.service";
inline constexpr char kDnsFolder[] = "/run/constellation-dns";

// The node's own DNS server for its pods: dnsmasq with the names of Services,
// everything else forwarded to the node's name servers. Listens at
// kClusterDnsAddress on a dummy interface, so all nodes have it at the same
// address and no query leaves a node unencrypted. Thread-compatible.
class ClusterDns final {
 public:
  // `runner` outlives it. `folder` holds configuration and names; dnsmasq reads
  // it without privileges.
  ClusterDns(CommandRunner& runner, std::string folder)
      : runner_(runner), folder_(std::move(folder)) {}

  // Interface, configuration, server. Does nothing the second time.
  absl::Status Start();
  // Makes the server know these names. Does nothing if nothing changed.
  absl::Status Update(const std::map<std::string, ServiceFacts>& services,
                      const std::map<std::string, EndpointsFacts>& endpoints);

 private:
  absl::Status Run(const std::vector<std::string>& argv);
  std::string HostsFile() const { return folder_ + "/hosts"; }

  CommandRunner& runner_;
  const std::string folder_;
  bool started_ = false;
  std::string hosts_;
};

// dnsmasq's configuration.
std::string MakeDnsConfig(const std::string& hosts_file);

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_CLUSTER_DNS_H_
