// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_WIREGUARD_H_
#define CONSTELLATION_BOOTSTRAPPER_WIREGUARD_H_

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/command.h"

namespace constellation::bootstrapper {

inline constexpr char kWireGuardInterface[] = "wg0";
inline constexpr int kWireGuardPort = 51820;
// Traffic to kubelets of other nodes takes the mesh: the API server cannot
// verify their certificates, WireGuard can.
inline constexpr int kKubeletPort = 10250;
inline constexpr int kKubeletTable = 51820;
inline constexpr int kKubeletRulePriority = 1000;
// 1500 less IPv4, UDP and WireGuard's own 32 bytes, less 20 if it ran over
// IPv6.
inline constexpr int kWireGuardMtu = 1420;

// Another node, as the mesh sees it.
struct MeshPeer {
  std::string node_ip;
  std::string pod_cidr;
  bool operator==(const MeshPeer&) const = default;
};
using MeshPeers = std::map<std::string, MeshPeer>;  // by public key

// Whether `key` is a WireGuard public key: 32 octets in base64.
bool IsWireGuardKey(std::string_view key);

// The encrypted network between the nodes: one interface, one peer per node,
// and routes to their pods and kubelets. The private key is made on this node,
// at every boot, and lives only in the kernel. Thread-compatible.
class WireGuard final {
 public:
  // `runner` outlives it.
  explicit WireGuard(CommandRunner& runner) : runner_(runner) {}

  // Makes sure that the interface is there, has a key, and carries `address`
  // (an IPv4 address without prefix). Returns its public key.
  absl::StatusOr<std::string> SetUp(std::string_view address);

  // Makes `peers` the peers, and routes their pods' networks and their
  // kubelets' ports to the interface. What other peers and routes there were is
  // removed.
  absl::Status SetPeers(const MeshPeers& peers);

 private:
  absl::StatusOr<std::string> MakeInterface();
  absl::StatusOr<std::set<std::string>> Lines(
      const std::vector<std::string>& argv);
  absl::Status SyncPeers(const MeshPeers& peers);
  // Makes `wanted` the routes to the interface in `table`.
  absl::Status SyncRoutes(const std::string& table,
                          const std::set<std::string>& wanted);
  absl::Status EnsureKubeletRule();
  absl::Status Run(const std::vector<std::string>& argv,
                   std::span<const uint8_t> input = {});

  CommandRunner& runner_;
};

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_WIREGUARD_H_
