// SPDX-License-Identifier: Apache-2.0
#include "attestation/channel/transport/testing/relay.h"

#include <thread>
#include <utility>

#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/grpc_status.h"

namespace constellation::attestation::testing {

Relay::Relay(const crypto::TlsIdentity& towards_client,
             const crypto::TlsIdentity& towards_server, std::string target)
    : towards_server_(towards_server),
      target_(std::move(target)),
      server_({.identity = towards_client, .attester = nullptr, .verify = {}},
              [this](grpc::ServerContext& context, JoinStream& client) {
                return PassOn(context, client);
              }) {}

std::string Relay::stolen() const {
  const absl::MutexLock lock(&mutex_);
  return stolen_;
}

absl::Status Relay::PassOn(grpc::ServerContext& context, JoinStream& client) {
  const auto stub =
      v1::JoinService::NewStub(AttestedChannel(target_, towards_server_));
  grpc::ClientContext upstream;
  upstream.set_deadline(context.deadline());
  const auto server = stub->IssueJoinTicket(&upstream);
  std::thread forward([&] {
    v1::JoinClientMessage message;
    while (client.Read(&message) && server->Write(message)) {
    }
    server->WritesDone();
    if (context.IsCancelled()) {
      upstream.TryCancel();
    }
  });
  v1::JoinServerMessage message;
  while (server->Read(&message)) {
    if (message.has_ticket()) {
      const absl::MutexLock lock(&mutex_);
      stolen_ = message.ticket().state_disk_key();
    }
    client.Write(message);
  }
  const absl::Status status = FromGrpcStatus(server->Finish());
  if (!status.ok()) {
    context.TryCancel();  // wakes the other direction
  }
  forward.join();
  return status;
}

}  // namespace constellation::attestation::testing
