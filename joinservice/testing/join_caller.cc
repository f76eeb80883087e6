// SPDX-License-Identifier: Apache-2.0
#include "joinservice/testing/join_caller.h"

#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>

#include <chrono>

#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/grpc_status.h"

namespace constellation::joinservice::testing {
namespace {

// Handshake, request, answer. The server's status, if it gave one, says more
// than a broken stream.
template <typename Outgoing, typename Incoming, typename Request>
absl::StatusOr<Incoming> Talk(
    JoinCaller& caller, const crypto::TlsIdentity& identity,
    grpc::ClientContext& context,
    grpc::ClientReaderWriter<Outgoing, Incoming>& stream,
    const std::string& name, const Request& request) {
  const absl::Status attested = attestation::HandshakeAsClient(
      context, identity, stream, caller.context.empty() ? name : caller.context,
      caller.attester, caller.verify);
  if (!attested.ok() && !absl::IsUnavailable(attested)) {
    context.TryCancel();
    (void)stream.Finish();
    return attested;
  }
  Incoming answer;
  bool answered = false;
  if (attested.ok()) {
    Outgoing message;
    *message.mutable_request() = request;
    answered = stream.Write(message) && stream.Read(&answer);
    stream.WritesDone();
  }
  const grpc::Status status = stream.Finish();
  if (!status.ok()) return attestation::FromGrpcStatus(status);
  if (!answered) return absl::UnavailableError("no answer");
  return answer;
}

void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::seconds(100));
}

}  // namespace

JoinCaller::JoinCaller(const std::string& address)
    : identity_(crypto::CreateTlsIdentity().value()),
      stub_(v1::JoinService::NewStub(grpc::CreateChannel(
          address, attestation::AttestedChannelCredentials(identity_)))) {}

absl::StatusOr<v1::JoinTicket> JoinCaller::Join(
    const v1::JoinRequest& request) {
  grpc::ClientContext context_of_call;
  SetDeadline(context_of_call);
  const auto stream = stub_->IssueJoinTicket(&context_of_call);
  auto answer =
      Talk(*this, identity_, context_of_call, *stream, "join", request);
  if (!answer.ok()) return answer.status();
  return std::move(*answer->mutable_ticket());
}

absl::StatusOr<v1::RejoinTicket> JoinCaller::Rejoin(
    const v1::RejoinRequest& request) {
  grpc::ClientContext context_of_call;
  SetDeadline(context_of_call);
  const auto stream = stub_->IssueRejoinTicket(&context_of_call);
  auto answer =
      Talk(*this, identity_, context_of_call, *stream, "rejoin", request);
  if (!answer.ok()) return answer.status();
  return std::move(*answer->mutable_ticket());
}

}  // namespace constellation::joinservice::testing
