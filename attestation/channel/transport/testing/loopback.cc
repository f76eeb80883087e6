// SPDX-License-Identifier: Apache-2.0
#include "attestation/channel/transport/testing/loopback.h"

#include <grpcpp/server_builder.h>

#include <chrono>

#include "absl/time/clock.h"
#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/grpc_status.h"
#include "attestation/channel/transport/handshake.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation::testing {

LoopbackServer::LoopbackServer(End end, Behaviour behaviour)
    : end_(std::move(end)), behaviour_(std::move(behaviour)) {
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.AddListeningPort("127.0.0.1:0",
                           AttestedServerCredentials(end_.identity), &port_);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
}

LoopbackServer::~LoopbackServer() {
  server_->Shutdown(std::chrono::system_clock::now());
}

grpc::Status LoopbackServer::IssueJoinTicket(grpc::ServerContext* context,
                                             JoinStream* stream) {
  const absl::Status status =
      behaviour_ ? behaviour_(*context, *stream) : Serve(*context, *stream);
  const absl::MutexLock lock(&mutex_);
  last_ = status;
  return ToGrpcStatus(status);
}

absl::Status LoopbackServer::Serve(grpc::ServerContext& context,
                                   JoinStream& stream) {
  RETURN_IF_ERROR(HandshakeAsServer(context, end_.identity, stream,
                                    end_.context, end_.attester, end_.verify));
  v1::JoinClientMessage request;
  if (!stream.Read(&request) || !request.has_request()) {
    return InvalidArgument("want a request");
  }
  v1::JoinServerMessage answer;
  answer.mutable_ticket()->set_state_disk_key(std::string(kTicketKey));
  stream.Write(answer);
  const absl::MutexLock lock(&mutex_);
  ++tickets_;
  return absl::OkStatus();
}

absl::Status LoopbackServer::last() const {
  const absl::MutexLock lock(&mutex_);
  return last_;
}

int LoopbackServer::tickets() const {
  const absl::MutexLock lock(&mutex_);
  return tickets_;
}

absl::StatusOr<std::string> FetchTicket(const std::string& address,
                                        const End& end,
                                        absl::Duration patience) {
  const auto stub =
      v1::JoinService::NewStub(AttestedChannel(address, end.identity));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + patience));
  const auto stream = stub->IssueJoinTicket(&context);
  const absl::Status status = HandshakeAsClient(
      context, end.identity, *stream, end.context, end.attester, end.verify);
  if (!status.ok()) {
    return EndFailedCall(context, *stream, status);
  }
  v1::JoinClientMessage request;
  request.mutable_request()->set_node_name("node-1");
  v1::JoinServerMessage answer;
  if (!stream->Write(request) || !stream->WritesDone() ||
      !stream->Read(&answer)) {
    return EndFailedCall(context, *stream, Unavailable("no ticket"));
  }
  RETURN_IF_ERROR(FromGrpcStatus(stream->Finish()));
  return answer.ticket().state_disk_key();
}

}  // namespace constellation::attestation::testing
