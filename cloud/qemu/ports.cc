// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/ports.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <set>

#include "cloud/qemu/cluster_spec.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"

namespace constellation::cloud::qemu {
namespace {

// Below the range from which Linux takes ports for outgoing connections
// (32768-60999): a port that is free now should still be free tomorrow.
constexpr uint16_t kFirstPort = 20000;
constexpr uint16_t kLastPort = 32000;

template <size_t kSize>
// The kernel's; used for names only.
absl::StatusOr<std::array<uint8_t, kSize>> Random() {
  std::array<uint8_t, kSize> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) !=
      static_cast<ssize_t>(bytes.size())) {
    return ErrnoStatus(errno, "read", "random numbers");
  }
  return bytes;
}

// RFC 4122 section 4.4.
absl::StatusOr<std::string> RandomUuid() {
  ASSIGN_OR_RETURN(auto bytes, Random<16>());
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0fU) | 0x40U);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3fU) | 0x80U);
  std::string text = HexEncode(bytes);
  for (const size_t at : {8U, 13U, 18U, 23U}) {
    text.insert(at, 1, '-');
  }
  return text;
}

// The lowest free one. A removed node's index is given away again: its sockets
// are gone by then (Supervisor::RemoveNode()).
absl::Status AssignIndices(ClusterSpec& spec) {
  std::set<uint32_t> used;
  for (const NodeSpec& node : spec.nodes) {
    used.insert(node.index);
  }
  uint32_t next = 1;
  for (NodeSpec& node : spec.nodes) {
    if (node.index != 0) {
      continue;
    }
    while (used.contains(next)) {
      ++next;
    }
    if (next > kMaxNodeIndex) {
      return absl::ResourceExhaustedError("no node index is left");
    }
    node.index = next;
    used.insert(next);
  }
  return absl::OkStatus();
}

// All known ports first, so that a chosen one does not collide with one that a
// later node has by its spec.
absl::Status AssignPorts(ClusterSpec& spec) {
  std::set<uint16_t> used;
  for (NodeSpec& node : spec.nodes) {
    for (const uint16_t guest :
         {kApiServerPort, kInitServicePort, kRecoveryPort, kVerificationPort}) {
      node.forwards.emplace(guest, 0);
    }
    for (const auto& [guest, host] : node.forwards) {
      used.insert(host);
    }
  }
  for (NodeSpec& node : spec.nodes) {
    for (auto& [guest, host] : node.forwards) {
      if (host == 0) {
        ASSIGN_OR_RETURN(host, ChooseFreePort(used));
        used.insert(host);
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckPortFree(uint16_t port) {
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) {
    return ErrnoStatus(errno, "create", "socket");
  }
  // As QEMU does: connections of an earlier VM in TIME_WAIT do not count.
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address),
           sizeof(address)) != 0 ||
      listen(fd.get(), 1) != 0) {
    return FailedPrecondition(
        fmt::format("port {} of 127.0.0.1 is used by another program", port));
  }
  return absl::OkStatus();
}

// Starts at a random place: two clusters that are made at the same time would
// otherwise choose the same ports.
absl::StatusOr<uint16_t> ChooseFreePort(const std::set<uint16_t>& taken) {
  constexpr unsigned kPorts = kLastPort - kFirstPort + 1;
  ASSIGN_OR_RETURN(const auto random, Random<2>());
  const unsigned start = (unsigned{random[0]} << 8U | random[1]) % kPorts;
  for (unsigned i = 0; i < kPorts; ++i) {
    const auto port = static_cast<uint16_t>(kFirstPort + (start + i) % kPorts);
    if (!taken.contains(port) && CheckPortFree(port).ok()) {
      return port;
    }
  }
  return absl::ResourceExhaustedError("no free port between 20000 and 32000");
}

absl::Status AssignUnsetFields(ClusterSpec& spec) {
  if (spec.uid.empty()) {
    ASSIGN_OR_RETURN(const auto random, Random<4>());
    spec.uid = HexEncode(random);
  }
  for (NodeSpec& node : spec.nodes) {
    if (node.machine_id.empty()) {
      ASSIGN_OR_RETURN(node.machine_id, RandomUuid());
    }
  }
  RETURN_IF_ERROR(AssignIndices(spec));
  return AssignPorts(spec);
}

}  // namespace constellation::cloud::qemu
