// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/grpc_rejoin_source.h"

#include <memory>

#include "absl/cleanup/cleanup.h"
#include "absl/time/clock.h"
#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/handshake.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "disk-mapper/wire_secret.h"
#include "proto/join.grpc.pb.h"

namespace constellation::disk_mapper {
namespace {

constexpr std::string_view kRejoinContext = "rejoin";

using Stream =
    grpc::ClientReaderWriter<v1::RejoinClientMessage, v1::RejoinServerMessage>;

// After the handshake: the peer is a genuine node, but of which cluster is
// checked only with the ticket (CheckTicketGiver()).
absl::StatusOr<RejoinTicket> Exchange(Stream& stream,
                                      const std::string& disk_uuid,
                                      const std::string& node_name) {
  v1::RejoinClientMessage ask;
  ask.mutable_request()->set_disk_uuid(disk_uuid);
  ask.mutable_request()->set_node_name(node_name);
  if (!stream.Write(ask)) {
    return Unavailable("join service: it ended the stream");
  }
  stream.WritesDone();
  v1::RejoinServerMessage answer;
  if (!stream.Read(&answer)) {
    return Unavailable("join service: it ended the stream");
  }
  if (!answer.has_ticket()) {
    return InvalidArgument("join service: want a ticket, got another message");
  }
  RejoinTicket ticket;
  ticket.state_disk_key =
      TakeSecret(*answer.mutable_ticket()->mutable_state_disk_key());
  const auto id = AsBytes(answer.ticket().cluster_id());
  ticket.owner.cluster_id.assign(id.begin(), id.end());
  ticket.owner.node_name = answer.ticket().node_name();
  return ticket;
}

}  // namespace

bool GrpcRejoinSource::Register(grpc::ClientContext* context) {
  const absl::MutexLock lock(&mutex_);
  current_ = stopped_ ? nullptr : context;
  return !stopped_;
}

void GrpcRejoinSource::Stop() {
  const absl::MutexLock lock(&mutex_);
  stopped_ = true;
  if (current_ != nullptr) {
    current_->TryCancel();
  }
}

// A deadline on every call: a peer that never answers must not keep us from the
// next one.
absl::StatusOr<RejoinTicket> GrpcRejoinSource::Request(
    const std::string& address, const std::string& disk_uuid) {
  const auto stub = v1::JoinService::NewStub(
      attestation::AttestedChannel(address, identity_));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + limit_));
  if (!Register(&context)) {
    return Unavailable("join service: not asked any more");
  }
  const auto unregister = absl::MakeCleanup([this] { Register(nullptr); });
  const std::unique_ptr<Stream> stream = stub->IssueRejoinTicket(&context);
  PeerProof peer;
  const auto verify = [this, &peer](const attestation::Evidence& evidence,
                                    std::span<const uint8_t> user_data) {
    auto proof = verify_(evidence, user_data);
    if (proof.ok()) {
      peer = *std::move(proof);
    }
    return proof.status();
  };
  const absl::Status attested = attestation::HandshakeAsClient(
      context, identity_, *stream, kRejoinContext, &attester_, verify);
  if (!attested.ok()) {
    return attestation::EndFailedCall(context, *stream, attested);
  }
  absl::StatusOr<RejoinTicket> ticket =
      Exchange(*stream, disk_uuid, node_name_);
  if (!ticket.ok()) {
    return attestation::EndFailedCall(context, *stream, ticket.status());
  }
  ticket->peer = peer;
  return ticket;
}

}  // namespace constellation::disk_mapper
