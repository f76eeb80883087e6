// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/wireguard.h"

#include <fmt/format.h>

#include <sstream>

#include "bootstrapper/programs.h"
#include "common/hex.h"
#include "common/secret_bytes.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/random.h"

namespace constellation::bootstrapper {
namespace {

constexpr size_t kKeySize = 32;
// Zeros: what `wg` shows of a peer without a key.
constexpr std::string_view kNoKey =
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

}  // namespace

bool IsWireGuardKey(std::string_view key) {
  const auto decoded = Base64Decode(key);
  return decoded.ok() && decoded->size() == kKeySize && key != kNoKey;
}

// Any other exit code than 0 is an error.
absl::Status WireGuard::Run(const std::vector<std::string>& argv,
                            std::span<const uint8_t> input) {
  return RunChecked(runner_, argv, MinuteLimit(input)).status();
}

// The first word of every line.
absl::StatusOr<std::set<std::string>> WireGuard::Lines(
    const std::vector<std::string>& argv) {
  ASSIGN_OR_RETURN(const std::string out,
                   RunChecked(runner_, argv, MinuteLimit()));
  std::set<std::string> lines;
  std::istringstream stream(out);
  for (std::string line; std::getline(stream, line);) {
    line = line.substr(0, line.find_first_of(" \t"));
    if (!line.empty()) {
      lines.insert(line);
    }
  }
  return lines;
}

// The private key goes in through standard input and is never in a file.
absl::StatusOr<std::string> WireGuard::MakeInterface() {
  const std::vector<std::string> show = {"wg", "show", kWireGuardInterface,
                                         "public-key"};
  const auto existing = RunChecked(runner_, show, MinuteLimit());
  if (!existing.ok()) {
    RETURN_IF_ERROR(Run({"ip", "link", "add", "dev", kWireGuardInterface, "mtu",
                         std::to_string(kWireGuardMtu), "type", "wireguard"}));
  }
  if (!existing.ok() || existing->starts_with("(none)")) {
    // Any 32 octets are a Curve25519 key; the kernel clamps them.
    const SecretBytes key = crypto::RandomSecret(kKeySize);
    std::string text = Base64Encode(key.Expose());
    const SecretBytes input(AsBytes(text));
    Wipe({reinterpret_cast<uint8_t*>(text.data()), text.size()});
    RETURN_IF_ERROR(
        Run({"wg", "set", kWireGuardInterface, "listen-port",
             std::to_string(kWireGuardPort), "private-key", "/dev/stdin"},
            input.Expose()));
  }
  ASSIGN_OR_RETURN(const std::set<std::string> keys, Lines(show));
  if (keys.size() != 1 || !IsWireGuardKey(*keys.begin())) {
    return Internal("wg: want one public key of the interface");
  }
  return *keys.begin();
}

absl::StatusOr<std::string> WireGuard::SetUp(std::string_view address) {
  ASSIGN_OR_RETURN(std::string key, MakeInterface());
  RETURN_IF_ERROR(
      Run({"ip", "address", "replace", fmt::format("{}/32", address), "dev",
           kWireGuardInterface}));
  RETURN_IF_ERROR(Run({"ip", "link", "set", "dev", kWireGuardInterface, "up"}));
  return key;
}

// Peers before routes: a packet without a peer is dropped, never sent in the
// clear.
absl::Status WireGuard::SetPeers(const MeshPeers& peers) {
  RETURN_IF_ERROR(SyncPeers(peers));
  std::set<std::string> pods;
  std::set<std::string> nodes;
  for (const auto& [key, peer] : peers) {
    pods.insert(peer.pod_cidr);
    nodes.insert(peer.node_ip);
  }
  RETURN_IF_ERROR(SyncRoutes("main", pods));
  RETURN_IF_ERROR(SyncRoutes(std::to_string(kKubeletTable), nodes));
  return EnsureKubeletRule();
}

// One call for all changes. Allowed addresses are pods and node of the peer:
// from others its packets are dropped.
absl::Status WireGuard::SyncPeers(const MeshPeers& peers) {
  ASSIGN_OR_RETURN(const std::set<std::string> present,
                   Lines({"wg", "show", kWireGuardInterface, "peers"}));
  std::vector<std::string> argv = {"wg", "set", kWireGuardInterface};
  for (const std::string& key : present) {
    if (!peers.contains(key)) {
      argv.insert(argv.end(), {"peer", key, "remove"});
    }
  }
  for (const auto& [key, peer] : peers) {
    argv.insert(
        argv.end(),
        {"peer", key, "endpoint",
         fmt::format("{}:{}", peer.node_ip, kWireGuardPort), "allowed-ips",
         fmt::format("{},{}/32", peer.pod_cidr, peer.node_ip)});
  }
  return argv.size() > 3 ? Run(argv) : absl::OkStatus();
}

// Adds before it deletes, so nothing that stays is interrupted.
absl::Status WireGuard::SyncRoutes(const std::string& table,
                                   const std::set<std::string>& wanted) {
  // A table without routes does not exist, which is an error to ip.
  const auto present = Lines({"ip", "-4", "route", "show", "table", table,
                              "dev", kWireGuardInterface, "scope", "link"});
  for (const std::string& route : wanted) {
    RETURN_IF_ERROR(
        Run({"ip", "route", "replace", route, "dev", kWireGuardInterface,
             "scope", "link", "table", table}));
  }
  if (!present.ok()) {
    return absl::OkStatus();
  }
  for (const std::string& route : *present) {
    if (!wanted.contains(route)) {
      RETURN_IF_ERROR(Run({"ip", "route", "del", route, "dev",
                           kWireGuardInterface, "table", table}));
    }
  }
  return absl::OkStatus();
}

// Only the kubelets' port takes that table; everything else goes its way.
absl::Status WireGuard::EnsureKubeletRule() {
  const std::string table = std::to_string(kKubeletTable);
  ASSIGN_OR_RETURN(const std::string rules,
                   RunChecked(runner_, {"ip", "rule", "show", "table", table},
                              MinuteLimit()));
  if (!rules.empty()) {
    return absl::OkStatus();
  }
  return Run({"ip", "rule", "add", "priority",
              std::to_string(kKubeletRulePriority), "ipproto", "tcp", "dport",
              std::to_string(kKubeletPort), "lookup", table});
}

}  // namespace constellation::bootstrapper
