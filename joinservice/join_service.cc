// SPDX-License-Identifier: Apache-2.0
#include "joinservice/join_service.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <optional>

#include "attestation/channel/transport/grpc_status.h"
#include "attestation/channel/transport/handshake.h"
#include "common/hex.h"
#include "common/secret_bytes.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "joinservice/printable.h"

namespace constellation::joinservice {
namespace {

// In characters: a refusal names every failed check.
constexpr size_t kMaxLogged = 4000;

std::string Text(std::span<const uint8_t> bytes) {
  return std::string(AsText(bytes));
}

void WipeText(std::string& text) {
  Wipe({reinterpret_cast<uint8_t*>(text.data()), text.size()});
}

// Copies secrets: WipeSecrets() after it was sent.
v1::JoinTicket ToProto(const JoinGrant& grant) {
  v1::JoinTicket ticket;
  ticket.set_state_disk_key(Text(grant.state_disk_key.Expose()));
  ticket.set_cluster_id(Text(grant.cluster_id));
  ticket.set_role(grant.role);
  ticket.set_kubelet_certificate(grant.kubelet_certificate_pem);
  ticket.set_cluster_ca(grant.facts.cluster_ca_pem);
  ticket.set_kubelet_config(grant.facts.kubelet_config);
  ticket.set_api_server_endpoint(grant.facts.api_server_endpoint);
  ticket.set_kubernetes_version(grant.facts.kubernetes_version);
  ticket.set_bootstrap_token(Text(grant.bootstrap_token.Expose()));
  ticket.set_ca_cert_hash(grant.ca_cert_hash);
  for (const ControlPlaneFile& file : grant.control_plane_files) {
    v1::ControlPlaneFile& proto = *ticket.add_control_plane_files();
    proto.set_name(file.name);
    proto.set_contents(Text(file.contents.Expose()));
  }
  ticket.set_attestation_policy(grant.attestation_policy);
  ticket.set_time_scale(grant.facts.time_scale);
  return ticket;
}

// Copies that gRPC made for sending are out of reach.
void WipeSecrets(v1::JoinTicket& ticket) {
  WipeText(*ticket.mutable_state_disk_key());
  WipeText(*ticket.mutable_bootstrap_token());
  for (v1::ControlPlaneFile& file : *ticket.mutable_control_plane_files()) {
    WipeText(*file.mutable_contents());
  }
}

// The request that follows the attestation.
template <typename Outgoing, typename Incoming>
absl::StatusOr<Incoming> ReadRequest(
    grpc::ServerReaderWriter<Outgoing, Incoming>& stream) {
  Incoming message;
  if (!stream.Read(&message)) {
    return Unavailable("the peer ended the stream before its request");
  }
  if (!message.has_request()) {
    return InvalidArgument("want a request, got another kind of message");
  }
  return message;
}

}  // namespace

// Both ends prove themselves; the result exists only if the node did.
template <typename Outgoing, typename Incoming>
absl::StatusOr<VerifiedNode> JoinService::Attest(
    grpc::ServerContext& context,
    grpc::ServerReaderWriter<Outgoing, Incoming>& stream, Record& record) {
  std::optional<VerifiedNode> node;
  const auto verify = [&](const attestation::Evidence& evidence,
                          std::span<const uint8_t> user_data) -> absl::Status {
    ASSIGN_OR_RETURN(node, issuer_.Admit(evidence, user_data));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(attestation::HandshakeAsServer(
      context, identity_, stream, record.kind, &attester_, verify));
  if (!node.has_value()) {
    return Internal("the attested channel accepted a node without asking us");
  }
  record.node = node->name();
  record.role = node->role();
  record.profile = node->profile();
  return *std::move(node);
}

// The node is attested before its request is read.
absl::Status JoinService::Join(
    grpc::ServerContext& context,
    grpc::ServerReaderWriter<v1::JoinServerMessage, v1::JoinClientMessage>&
        stream,
    Record& record) {
  ASSIGN_OR_RETURN(const VerifiedNode node, Attest(context, stream, record));
  ASSIGN_OR_RETURN(const v1::JoinClientMessage message, ReadRequest(stream));
  const v1::JoinRequest& request = message.request();
  record.disk = request.disk_uuid();
  JoinDemand demand;
  demand.disk_uuid = request.disk_uuid();
  demand.node_name = request.node_name();
  demand.role = request.role();
  const std::span<const uint8_t> csr = AsBytes(request.kubelet_csr());
  demand.kubelet_csr.assign(csr.begin(), csr.end());
  if (!node.is_enrolled()) {
    record.node = Printable(demand.node_name, kMaxLogged);
    record.role = Printable(demand.role, kMaxLogged);
  }
  ASSIGN_OR_RETURN(const JoinGrant grant, issuer_.IssueJoin(node, demand));
  v1::JoinServerMessage answer;
  *answer.mutable_ticket() = ToProto(grant);
  const bool written = stream.Write(answer);
  WipeSecrets(*answer.mutable_ticket());
  return written ? absl::OkStatus()
                 : Unavailable("the peer left before its ticket");
}

// Likewise for a node that starts again.
absl::Status JoinService::Rejoin(
    grpc::ServerContext& context,
    grpc::ServerReaderWriter<v1::RejoinServerMessage, v1::RejoinClientMessage>&
        stream,
    Record& record) {
  ASSIGN_OR_RETURN(const VerifiedNode node, Attest(context, stream, record));
  ASSIGN_OR_RETURN(const v1::RejoinClientMessage message, ReadRequest(stream));
  record.disk = message.request().disk_uuid();
  ASSIGN_OR_RETURN(const RejoinGrant grant,
                   issuer_.IssueRejoin(node, message.request().disk_uuid(),
                                       message.request().node_name()));
  record.node = grant.node_name;
  v1::RejoinServerMessage answer;
  v1::RejoinTicket& ticket = *answer.mutable_ticket();
  ticket.set_state_disk_key(Text(grant.state_disk_key.Expose()));
  ticket.set_cluster_id(Text(grant.cluster_id));
  ticket.set_node_name(grant.node_name);
  const bool written = stream.Write(answer);
  WipeText(*ticket.mutable_state_disk_key());
  return written ? absl::OkStatus()
                 : Unavailable("the peer left before its ticket");
}

// Every decision, with what the peer claimed made harmless for a log line.
void JoinService::Log(const Record& record, const absl::Status& status) {
  const std::string fields =
      fmt::format("kind={} peer={} node={} role={} profile=\"{}\" disk=\"{}\"",
                  record.kind, record.peer, record.node, record.role,
                  Printable(record.profile, 200), Printable(record.disk, 80));
  if (status.ok()) {
    spdlog::info("event=ticket decision=granted {}", fields);
  } else {
    spdlog::warn("event=ticket decision=refused {} reason=\"{}\"", fields,
                 Printable(Message(status), kMaxLogged));
  }
}

grpc::Status JoinService::IssueJoinTicket(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<v1::JoinServerMessage, v1::JoinClientMessage>*
        stream) {
  const auto call = guard_.Enter(*context);
  if (!call.has_value()) {
    return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many requests at once"};
  }
  Record record{.kind = "join", .peer = context->peer()};
  const absl::Status status = Join(*context, *stream, record);
  Log(record, status);
  return attestation::ToGrpcStatus(status);
}

grpc::Status JoinService::IssueRejoinTicket(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<v1::RejoinServerMessage, v1::RejoinClientMessage>*
        stream) {
  const auto call = guard_.Enter(*context);
  if (!call.has_value()) {
    return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many requests at once"};
  }
  Record record{.kind = "rejoin", .peer = context->peer()};
  const absl::Status status = Rejoin(*context, *stream, record);
  Log(record, status);
  return attestation::ToGrpcStatus(status);
}

}  // namespace constellation::joinservice
