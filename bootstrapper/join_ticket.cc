// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/join_ticket.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "attestation/tpm/cluster_pcr.h"
#include "bootstrapper/network_names.h"
#include "bootstrapper/node_state.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::bootstrapper {
namespace {

// What a ticket may bring, and which files kubeadm expects on a further
// control-plane node.
constexpr size_t kMaxText = size_t{64} << 10U;
constexpr std::array<std::string_view, 8> kSharedFiles = {"ca.crt",
                                                          "ca.key",
                                                          "sa.pub",
                                                          "sa.key",
                                                          "etcd/ca.crt",
                                                          "etcd/ca.key",
                                                          "front-proxy-ca.crt",
                                                          "front-proxy-ca.key"};

// A node of another cluster, even an honest one, must not take this node in:
// PCR15 has to name the cluster of the ticket.
absl::Status CheckPeer(const IssuedTicket& issued) {
  if (issued.peer.role != kControlPlane) {
    return PermissionDenied(fmt::format(
        "join service: want a node enrolled as control-plane, got \"{}\"",
        issued.peer.role));
  }
  const auto expected =
      attestation::ExpectedClusterPcr(issued.ticket.cluster_id);
  if (!issued.peer.cluster_pcr.has_value() ||
      *issued.peer.cluster_pcr != expected) {
    return PermissionDenied(fmt::format(
        "join service: PCR15: expected {}, got {}", HexEncode(expected),
        issued.peer.cluster_pcr.has_value()
            ? HexEncode(*issued.peer.cluster_pcr)
            : "no value"));
  }
  return absl::OkStatus();
}

// kubeadm's form of the hash of a public key.
bool IsHash(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  return text.starts_with(kPrefix) &&
         text.size() == kPrefix.size() + 2 * crypto::Sha256Digest().size() &&
         HexDecode(text.substr(kPrefix.size())).ok();
}

// Six and sixteen characters of a-z and 0-9 with a full stop between them.
bool IsBootstrapToken(const SecretBytes& token) {
  constexpr size_t kIdSize = 6;
  constexpr size_t kTokenSize = 23;
  const std::string_view text = AsText(token.Expose());
  return text.size() == kTokenSize && text[kIdSize] == '.' &&
         std::ranges::count_if(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
         }) == static_cast<std::ptrdiff_t>(kTokenSize - 1);
}

// Neither empty nor large; what is inside is for its reader to check.
absl::Status CheckText(std::string_view field, std::string_view text) {
  if (text.empty() || text.size() > kMaxText) {
    return InvalidArgument(fmt::format("ticket: {}: want 1 to {} bytes, got {}",
                                       field, kMaxText, text.size()));
  }
  return absl::OkStatus();
}

// Exactly the known files: a name from outside must never become a path.
absl::Status CheckControlPlaneFields(const JoinTicket& ticket) {
  if (!IsBootstrapToken(ticket.bootstrap_token)) {
    return InvalidArgument("ticket: bootstrap_token: want a bootstrap token");
  }
  if (!IsHash(ticket.ca_cert_hash)) {
    return InvalidArgument("ticket: ca_cert_hash: want sha256:<hex>");
  }
  if (ticket.control_plane_files.size() != kSharedFiles.size()) {
    return InvalidArgument(
        fmt::format("ticket: control_plane_files: want {}, got {}",
                    kSharedFiles.size(), ticket.control_plane_files.size()));
  }
  for (const std::string_view name : kSharedFiles) {
    const auto file =
        std::ranges::find(ticket.control_plane_files, name, &SharedFile::name);
    if (file == ticket.control_plane_files.end()) {
      return InvalidArgument(
          fmt::format("ticket: control_plane_files: want {}", name));
    }
    RETURN_IF_ERROR(CheckText(name, AsText(file->contents.Expose())));
  }
  return absl::OkStatus();
}

// Fields that every role gets.
absl::Status CheckSizes(const JoinTicket& ticket) {
  if (ticket.state_disk_key.size() != kSecretSize) {
    return InvalidArgument(
        fmt::format("ticket: state_disk_key: want {} bytes, got {}",
                    kSecretSize, ticket.state_disk_key.size()));
  }
  RETURN_IF_ERROR(
      CheckText("kubelet_certificate", ticket.kubelet_certificate_pem));
  RETURN_IF_ERROR(CheckText("cluster_ca", ticket.cluster_ca_pem));
  return CheckText("kubelet_config", ticket.kubelet_config);
}

}  // namespace

absl::Status ValidateTicket(const IssuedTicket& issued,
                            const NodeIdentity& self) {
  const JoinTicket& ticket = issued.ticket;
  if (ticket.cluster_id.size() != kClusterIdSize) {
    return InvalidArgument(
        fmt::format("ticket: cluster_id: want {} bytes, got {}", kClusterIdSize,
                    ticket.cluster_id.size()));
  }
  RETURN_IF_ERROR(CheckPeer(issued));
  RETURN_IF_ERROR(CheckSizes(ticket));
  if (!IsEndpoint(ticket.api_server_endpoint)) {
    return InvalidArgument("ticket: api_server_endpoint: want host:port");
  }
  if (ticket.kubernetes_version != self.kubernetes_version) {
    return InvalidArgument(
        fmt::format("ticket: kubernetes_version: want {} (of this node's "
                    "image), got {:.32}",
                    self.kubernetes_version, ticket.kubernetes_version));
  }
  if (ticket.time_scale < 1 || ticket.time_scale > kMaxTimeScale) {
    return InvalidArgument(
        fmt::format("ticket: time_scale: want 1 to {}, got {}", kMaxTimeScale,
                    ticket.time_scale));
  }
  if (ticket.role == kControlPlane) {
    return CheckControlPlaneFields(ticket);
  }
  if (ticket.role != kWorker) {
    return InvalidArgument("ticket: role: want control-plane or worker");
  }
  return absl::OkStatus();
}

}  // namespace constellation::bootstrapper
