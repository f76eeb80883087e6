// SPDX-License-Identifier: Apache-2.0
#include "verificationservice/grpc_evidence_fetcher.h"

#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/support/async_unary_call.h>

#include <deque>
#include <memory>

#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/grpc_status.h"
#include "proto/verification.grpc.pb.h"

namespace constellation::verificationservice {
namespace {

// An event log of at most 1 MiB and certificates of 16 KiB: see
// attestation/channel/transport/evidence_conversion.h.
constexpr int kMaxAnswerBytes = 3 << 19;  // 1.5 MiB

// One call to one node.
// Addresses of members are given to gRPC, so a call never moves (deque).
struct Call {
  std::unique_ptr<v1::VerificationService::Stub> stub;
  grpc::ClientContext context;
  v1::NodeEvidence answer;
  grpc::Status status;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::NodeEvidence>> reader;
};

// Brackets for IPv6 (RFC 3986 section 3.2.2).
std::string Target(const std::string& ip, int port) {
  // With the scheme, so that nothing is ever looked up in DNS.
  return ip.find(':') == std::string::npos
             ? fmt::format("ipv4:{}:{}", ip, port)
             : fmt::format("ipv6:[{}]:{}", ip, port);
}

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
  // Channels live as long as one call: no sharing, so none stays behind.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return arguments;
}

}  // namespace

// One deadline for all: a silent node delays the answer by `timeout` once.
// Every call has ended before the queue is shut down.
std::vector<absl::StatusOr<v1::NodeEvidence>> GrpcEvidenceFetcher::FetchAll(
    const std::vector<std::string>& ips, const std::string& nonce) {
  const auto credentials = attestation::AttestedChannelCredentials(identity_);
  const auto deadline = absl::ToChronoTime(absl::Now() + timeout_);
  v1::GetEvidenceRequest request;
  request.set_nonce(nonce);
  grpc::CompletionQueue queue;
  std::deque<Call> calls;
  for (const std::string& ip : ips) {
    Call& call = calls.emplace_back();
    call.stub = v1::VerificationService::NewStub(
        grpc::CreateCustomChannel(Target(ip, port_), credentials, Arguments()));
    call.context.set_deadline(deadline);
    call.reader = call.stub->AsyncGetEvidence(&call.context, request, &queue);
    call.reader->Finish(&call.answer, &call.status, &call);
  }
  void* tag = nullptr;
  bool ok = false;
  for (size_t done = 0; done < calls.size(); ++done) queue.Next(&tag, &ok);
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  std::vector<absl::StatusOr<v1::NodeEvidence>> answers;
  for (Call& call : calls) {
    if (call.status.ok()) {
      answers.emplace_back(std::move(call.answer));
    } else {
      answers.emplace_back(attestation::FromGrpcStatus(call.status));
    }
  }
  return answers;
}

}  // namespace constellation::verificationservice
