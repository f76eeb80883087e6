// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/cluster_dns.h"

#include <fmt/format.h>

#include <vector>

#include "bootstrapper/kubeadm_config.h"
#include "bootstrapper/programs.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::bootstrapper {
namespace {

constexpr absl::Duration kTimeout = absl::Minutes(1);
// dnsmasq runs as nobody and must read both files.
constexpr char kInterface[] = "dns0";
constexpr char kUpstream[] = "/run/systemd/resolve/resolv.conf";

}  // namespace

std::string MakeDnsConfig(const std::string& hosts_file) {
  return fmt::format(
      "listen-address={address}\n"
      "bind-interfaces\n"
      "no-hosts\n"
      "addn-hosts={hosts}\n"
      "resolv-file={upstream}\n"
      // Names of the cluster are ours alone: never asked elsewhere.
      "local=/{domain}/\n"
      "local-ttl=5\n"
      "cache-size=2000\n"
      "no-negcache\n"
      "dns-forward-max=500\n"
      "user=nobody\n"
      "group=nogroup\n"
      "pid-file=\n"
      "log-facility=-\n",
      fmt::arg("address", kClusterDnsAddress), fmt::arg("hosts", hosts_file),
      fmt::arg("upstream", kUpstream), fmt::arg("domain", kClusterDnsDomain));
}

// Any other exit code than 0 is an error.
absl::Status ClusterDns::Run(const std::vector<std::string>& argv) {
  CommandOptions options;
  options.timeout = kTimeout;
  return RunChecked(runner_, argv, options).status();
}

// Every step may be done already, by an earlier process of this boot.
absl::Status ClusterDns::Start() {
  if (started_) {
    return absl::OkStatus();
  }
  CommandOptions options;
  options.timeout = kTimeout;
  ASSIGN_OR_RETURN(
      const CommandResult present,
      runner_.Run({"ip", "link", "show", "dev", kInterface}, options));
  if (present.exit_code != 0) {
    RETURN_IF_ERROR(
        Run({"ip", "link", "add", "dev", kInterface, "type", "dummy"}));
  }
  RETURN_IF_ERROR(
      Run({"ip", "address", "replace", fmt::format("{}/32", kClusterDnsAddress),
           "dev", kInterface}));
  RETURN_IF_ERROR(Run({"ip", "link", "set", "dev", kInterface, "up"}));
  RETURN_IF_ERROR(MakeDirectories(folder_, kPublicDirectoryMode));
  RETURN_IF_ERROR(WriteFileAtomically(HostsFile(), hosts_, kPublicFileMode));
  RETURN_IF_ERROR(WriteFileAtomically(
      folder_ + "/dnsmasq.conf", MakeDnsConfig(HostsFile()), kPublicFileMode));
  RETURN_IF_ERROR(Run({"systemctl", "restart", kDnsUnit}));
  started_ = true;
  return absl::OkStatus();
}

// dnsmasq reads its hosts file again on SIGHUP. Names count as told only once
// that worked, so a failure is tried again.
absl::Status ClusterDns::Update(
    const std::map<std::string, ServiceFacts>& services,
    const std::map<std::string, EndpointsFacts>& endpoints) {
  std::string hosts = MakeHostsFile(services, endpoints, kClusterDnsDomain);
  if (started_ && hosts == hosts_) {
    return absl::OkStatus();
  }
  if (!started_) {
    hosts_ = std::move(hosts);
    return Start();
  }
  RETURN_IF_ERROR(WriteFileAtomically(HostsFile(), hosts, kPublicFileMode));
  RETURN_IF_ERROR(Run({"systemctl", "kill", "--signal=SIGHUP", kDnsUnit}));
  hosts_ = std::move(hosts);
  return absl::OkStatus();
}

}  // namespace constellation::bootstrapper
