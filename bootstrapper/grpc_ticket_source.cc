// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/grpc_ticket_source.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>
#include <grpcpp/support/sync_stream.h>

#include <memory>

#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/grpc_status.h"
#include "attestation/channel/transport/handshake.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "proto/join.grpc.pb.h"

namespace constellation::bootstrapper {
namespace {

constexpr std::string_view kChannelContext = "join";

using Stream =
    grpc::ClientReaderWriter<v1::JoinClientMessage, v1::JoinServerMessage>;

// Moves a secret out of a message, which is wiped at that place.
SecretBytes TakeSecret(std::string& field) {
  SecretBytes secret(AsBytes(field));
  Wipe({reinterpret_cast<uint8_t*>(field.data()), field.size()});
  return secret;
}

// One request, one ticket; whatever else comes is an error.
absl::StatusOr<JoinTicket> Exchange(Stream& stream,
                                    const TicketRequest& request) {
  v1::JoinClientMessage ask;
  ask.mutable_request()->set_disk_uuid(request.disk_uuid);
  ask.mutable_request()->set_node_name(request.node_name);
  ask.mutable_request()->set_kubelet_csr(
      std::string(AsText(request.kubelet_csr)));
  ask.mutable_request()->set_role(request.role);
  if (!stream.Write(ask)) {
    return Unavailable("join service: it ended the stream");
  }
  stream.WritesDone();
  v1::JoinServerMessage answer;
  if (!stream.Read(&answer)) {
    return Unavailable("join service: it ended the stream");
  }
  if (!answer.has_ticket()) {
    return InvalidArgument("join service: want a ticket, got another message");
  }
  return TakeTicket(*answer.mutable_ticket());
}

}  // namespace

JoinTicket TakeTicket(v1::JoinTicket& proto) {
  JoinTicket ticket;
  ticket.state_disk_key = TakeSecret(*proto.mutable_state_disk_key());
  const auto id = AsBytes(proto.cluster_id());
  ticket.cluster_id.assign(id.begin(), id.end());
  ticket.role = proto.role();
  ticket.kubelet_certificate_pem = proto.kubelet_certificate();
  ticket.cluster_ca_pem = proto.cluster_ca();
  ticket.kubelet_config = proto.kubelet_config();
  ticket.api_server_endpoint = proto.api_server_endpoint();
  ticket.kubernetes_version = proto.kubernetes_version();
  ticket.bootstrap_token = TakeSecret(*proto.mutable_bootstrap_token());
  ticket.ca_cert_hash = proto.ca_cert_hash();
  for (v1::ControlPlaneFile& file : *proto.mutable_control_plane_files()) {
    ticket.control_plane_files.push_back(
        {file.name(), TakeSecret(*file.mutable_contents())});
  }
  ticket.time_scale = proto.time_scale();
  return ticket;
}

absl::StatusOr<IssuedTicket> GrpcTicketSource::Request(
    const std::string& address, const TicketRequest& request) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(attestation::kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(attestation::kMaxMessageBytes);
  // Each attempt is a connection of its own: nothing is remembered of peers
  // that were refused.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto stub = v1::JoinService::NewStub(grpc::CreateCustomChannel(
      address, attestation::AttestedChannelCredentials(identity_), arguments));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + limit_));
  const std::unique_ptr<Stream> stream = stub->IssueJoinTicket(&context);
  IssuedTicket issued;
  const auto verify = [this, &issued](const attestation::Evidence& evidence,
                                      std::span<const uint8_t> user_data) {
    auto proof = verify_(evidence, user_data);
    if (proof.ok()) {
      issued.peer = *std::move(proof);
    }
    return proof.status();
  };
  absl::Status status = attestation::HandshakeAsClient(
      context, identity_, *stream, kChannelContext, &attester_, verify);
  if (status.ok()) {
    auto ticket = Exchange(*stream, request);
    status = ticket.status();
    if (ticket.ok()) {
      issued.ticket = *std::move(ticket);
      return issued;
    }
  }
  return attestation::EndFailedCall(context, *stream, status);
}

}  // namespace constellation::bootstrapper
