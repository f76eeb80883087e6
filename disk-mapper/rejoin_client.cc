// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/rejoin_client.h"

#include <fmt/format.h>

#include <algorithm>

#include "attestation/policy/policy.h"
#include "attestation/tpm/cluster_pcr.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::disk_mapper {

// The ticket names a cluster. Whoever gives it must belong to that very cluster
// by its own PCR15, and must be a control-plane node: only those hold keys.
absl::Status CheckTicketGiver(const RejoinTicket& ticket) {
  if (ticket.peer.role != attestation::kRoleControlPlane) {
    return PermissionDenied(
        fmt::format("join service: want a control-plane node, got role '{}'",
                    ticket.peer.role));
  }
  const crypto::Sha256Digest expected =
      attestation::ExpectedClusterPcr(ticket.owner.cluster_id);
  if (ticket.peer.cluster_pcr != expected) {
    return PermissionDenied(fmt::format(
        "join service: PCR15: expected {} for the ticket's cluster, got {}",
        HexEncode(expected), HexEncode(ticket.peer.cluster_pcr)));
  }
  return absl::OkStatus();
}

// The list is the cloud's and not trusted: it only says whom to ask.
absl::StatusOr<std::vector<std::string>> RejoinClient::Addresses() {
  ASSIGN_OR_RETURN(const std::vector<cloud::InstanceMetadata> peers,
                   metadata_.Peers());
  std::vector<std::string> addresses;
  for (const cloud::InstanceMetadata& peer : peers) {
    if (peer.role == cloud::NodeRole::kControlPlane && peer.name != own_name_ &&
        !peer.cluster_ip.empty()) {
      addresses.push_back(fmt::format("{}:{}", peer.cluster_ip, kPort));
    }
  }
  if (addresses.size() > kMaxPeers) {
    // Others first next time.
    const size_t first = round_ * kMaxPeers % addresses.size();
    std::rotate(addresses.begin(),
                addresses.begin() + static_cast<ptrdiff_t>(first),
                addresses.end());
    addresses.resize(kMaxPeers);
  }
  ++round_;
  return addresses;
}

absl::Status RejoinClient::Ask(const std::string& address) {
  ASSIGN_OR_RETURN(const RejoinTicket ticket,
                   source_.Request(address, unlocker_.disk_uuid()));
  RETURN_IF_ERROR(CheckTicketGiver(ticket));
  return unlocker_.TryKey(ticket.state_disk_key, ticket.owner,
                          fmt::format("join service at {}", address));
}

// One after the other: each attempt opens the same disk.
absl::Status RejoinClient::AskAll() {
  ASSIGN_OR_RETURN(const std::vector<std::string> addresses, Addresses());
  if (addresses.empty()) {
    return Unavailable("no other control-plane node to ask");
  }
  absl::Status last;
  for (const std::string& address : addresses) {
    last = Annotate(Ask(address), address);
    if (last.ok() || unlocker_.IsDecided()) {
      break;
    }
  }
  return last;
}

void RejoinClient::Run(const std::function<void(const absl::Status&)>& report) {
  while (!unlocker_.IsDecided()) {
    const absl::Status status = AskAll();
    if (unlocker_.IsDecided()) {
      return;
    }
    report(status);
    unlocker_.WaitUntilDecided(kPause);
  }
}

}  // namespace constellation::disk_mapper
