// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/node_network.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "common/files.h"
#include "common/ipv4.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::disk_mapper {
namespace {

constexpr absl::Duration kReloadTimeout = absl::Minutes(1);
constexpr mode_t kPublicFile = 0644;  // networkd is not root
constexpr mode_t kPublicFolder = 0755;

// Lower case, as the kernel prints it.
bool IsMacAddress(std::string_view text) {
  if (text.size() != 17) {
    return false;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (i % 3 == 2 ? c != ':' : !hex) {
      return false;
    }
  }
  return true;
}

}  // namespace

absl::StatusOr<std::string> ClusterNetworkFile(
    const cloud::InstanceMetadata& self) {
  if (!IsMacAddress(self.cluster_mac)) {
    return InvalidArgument("metadata: cluster MAC address: not one");
  }
  if (!ParseIpv4(self.cluster_ip)) {
    return InvalidArgument("metadata: cluster IP address: not IPv4");
  }
  if (self.cluster_prefix_length < 8 || self.cluster_prefix_length > 30) {
    return InvalidArgument(
        fmt::format("metadata: cluster prefix length: want 8 to 30, got {}",
                    self.cluster_prefix_length));
  }
  return fmt::format(
      "[Match]\nMACAddress={}\n\n"
      "[Network]\nAddress={}/{}\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n\n"
      // Service addresses need some route before kube-proxy can turn them into
      // others; a machine without a way to the outside has none.
      "[Route]\nDestination=0.0.0.0/0\nScope=link\nMetric=4096\n"
      "PreferredSource={}\n",
      self.cluster_mac, self.cluster_ip, self.cluster_prefix_length,
      self.cluster_ip);
}

// Clouds give addresses by DHCP; a MAC in the metadata says that this one does
// not.
absl::Status SetUpNodeNetwork(const NodePaths& paths, CommandRunner& runner,
                              const cloud::InstanceMetadata& self) {
  if (self.cluster_mac.empty()) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string file, ClusterNetworkFile(self));
  const std::string path = paths.ClusterNetwork();
  RETURN_IF_ERROR(MakeDirectories(
      std::filesystem::path(path).parent_path().string(), kPublicFolder));
  RETURN_IF_ERROR(WriteFileAtomically(path, file, kPublicFile));
  CommandOptions options;
  options.timeout = kReloadTimeout;
  return RunChecked(runner, {"networkctl", "reload"}, options).status();
}

absl::Status SetHostName(const std::string& name) {
  if (!cloud::IsNodeName(name)) {
    return InvalidArgument("host name: not a node name");
  }
  if (sethostname(name.c_str(), name.size()) != 0) {
    return ErrnoStatus(errno, "set", "host name");
  }
  return absl::OkStatus();
}

}  // namespace constellation::disk_mapper
