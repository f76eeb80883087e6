// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/join_client.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <string>
#include <vector>

#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/p256.h"
#include "crypto/random.h"

namespace constellation::bootstrapper {
namespace {

constexpr int kJoinServicePort = 30090;
// A JoinService that is not there yet costs nothing to ask; one that refused
// has worked for it.
constexpr absl::Duration kWaitIfAbsent = absl::Seconds(3);
constexpr absl::Duration kWaitIfRefused = absl::Seconds(15);

// The key stays here; only the request that it signed goes out.
struct Application {
  TicketRequest request;
  SecretBytes kubelet_key_pem;
};

// A new key and disk for every attempt: a JoinService that was refused has seen
// nothing that counts later.
absl::StatusOr<Application> NewApplication(const NodeIdentity& self) {
  ASSIGN_OR_RETURN(const crypto::P256PrivateKey key,
                   crypto::P256PrivateKey::Generate());
  Application application;
  application.request.disk_uuid = crypto::RandomUuid();
  application.request.node_name = self.name;
  application.request.role = self.role;
  ASSIGN_OR_RETURN(
      application.request.kubelet_csr,
      crypto::CreateCsr(key, fmt::format("system:node:{}", self.name),
                        "system:nodes"));
  ASSIGN_OR_RETURN(application.kubelet_key_pem, key.ToPem());
  return application;
}

}  // namespace

absl::Status JoinClient::Run() {
  while (node_.lock.holder() != NodeLock::Holder::kInit) {
    const Round round = TryOnce();
    if (round.over) {
      return round.status;
    }
    node_.clock.Sleep(round.wait);
  }
  return FailedPrecondition("join: init has this node");
}

// Metadata only say where to ask; who answers has to prove itself.
JoinClient::Round JoinClient::TryOnce() {
  const auto peers = metadata_.Peers();
  if (!peers.ok()) {
    node_.status.Report("join", cloud::BootState::kWaiting,
                        fmt::format("metadata: {}", Message(peers.status())));
    return {false, peers.status(), kWaitIfAbsent};
  }
  Round last{false, Unavailable("no other control-plane node"), kWaitIfAbsent};
  for (const cloud::InstanceMetadata& peer : *peers) {
    if (peer.role != cloud::NodeRole::kControlPlane ||
        peer.name == node_.self.name) {
      continue;
    }
    last = TryPeer(fmt::format("{}:{}", peer.cluster_ip, kJoinServicePort));
    if (last.over || node_.lock.holder() != NodeLock::Holder::kNone) {
      return last;
    }
  }
  node_.status.Report("join", cloud::BootState::kWaiting, Message(last.status));
  return last;
}

// Everything is checked before the lock is taken; from then on there is no way
// back but a reboot.
JoinClient::Round JoinClient::TryPeer(const std::string& address) {
  const auto application = NewApplication(node_.self);
  if (!application.ok()) {
    return {false, application.status(), kWaitIfRefused};
  }
  const auto issued = source_.Request(address, application->request);
  absl::Status status = issued.status();
  if (status.ok()) {
    status = ValidateTicket(*issued, node_.self);
  }
  if (!status.ok()) {
    status = Annotate(status, address);
    if (absl::IsUnavailable(status)) {
      return {false, std::move(status), kWaitIfAbsent};
    }
    spdlog::warn("event=join-refused error=\"{}\"", Message(status));
    return {false, std::move(status), kWaitIfRefused};
  }
  status = joiner_.Join(issued->ticket, application->request,
                        application->kubelet_key_pem);
  // Whether it went well or not: the lock is taken, by us or by init.
  return {true, std::move(status), absl::ZeroDuration()};
}

}  // namespace constellation::bootstrapper
