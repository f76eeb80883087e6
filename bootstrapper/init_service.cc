// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/init_service.h"

#include <fmt/format.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/sync_stream.h>
#include <spdlog/spdlog.h>

#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/grpc_status.h"
#include "attestation/channel/transport/handshake.h"
#include "bootstrapper/watchdog.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::bootstrapper {
namespace {

constexpr std::string_view kChannelContext = "init";
constexpr absl::Duration kProgressInterval = absl::Seconds(10);
// Anybody on the network may call before a cluster exists: memory, threads and
// streams are bounded.
constexpr size_t kServerMemory = size_t{64} << 20U;
constexpr int kServerThreads = 24;
constexpr int kMaxStreams = 8;
constexpr int kKeepaliveMs = 30'000;

// For fields that are not secret.
Bytes ToBytes(const std::string& text) {
  const auto octets = AsBytes(text);
  return {octets.begin(), octets.end()};
}

// Moves a secret out of the request, which is wiped at that place.
SecretBytes TakeSecret(std::string& field) {
  SecretBytes secret(AsBytes(field));
  Wipe({reinterpret_cast<uint8_t*>(field.data()), field.size()});
  return secret;
}

}  // namespace

InitParameters TakeParameters(v1::InitRequest& request) {
  InitParameters parameters;
  parameters.init_secret = TakeSecret(*request.mutable_init_secret());
  parameters.master_key = TakeSecret(*request.mutable_master_key());
  parameters.master_salt = ToBytes(request.master_salt());
  parameters.measurement_salt = ToBytes(request.measurement_salt());
  parameters.cluster_name = request.cluster_name();
  parameters.kubernetes_version = request.kubernetes_version();
  parameters.api_server_cert_sans.assign(request.api_server_cert_sans().begin(),
                                         request.api_server_cert_sans().end());
  parameters.service_cidr = request.service_cidr();
  parameters.pod_cidr = request.pod_cidr();
  parameters.attestation_policy = request.attestation_policy();
  parameters.time_scale = request.time_scale();
  return parameters;
}

// The reason for a refusal is logged here and sent to the caller.
grpc::Status InitService::Init(grpc::ServerContext* context, Stream* stream) {
  const absl::Status status = InitImpl(*context, *stream);
  if (!status.ok()) {
    spdlog::warn("event=init-call-failed peer={} error=\"{}\"", context->peer(),
                 Message(status));
  }
  return attestation::ToGrpcStatus(status);
}

absl::StatusOr<InitParameters> InitService::ReadRequest(
    grpc::ServerContext& context, Stream& stream) {
  // Silent callers must not use up the server's threads.
  const Watchdog watchdog(request_limit_, [&context] { context.TryCancel(); });
  RETURN_IF_ERROR(attestation::HandshakeAsServer(
      context, identity_, stream, kChannelContext, &attester_, {}));
  v1::InitClientMessage message;
  if (!stream.Read(&message)) {
    return Unavailable("init: the caller ended the stream before its request");
  }
  if (!message.has_request()) {
    return InvalidArgument("init: want a request after the attestation");
  }
  return TakeParameters(*message.mutable_request());
}

// A caller that goes away does not stop the run: it may call again and gets the
// same one.
absl::Status InitService::InitImpl(grpc::ServerContext& context,
                                   Stream& stream) {
  ASSIGN_OR_RETURN(InitParameters parameters, ReadRequest(context, stream));
  ASSIGN_OR_RETURN(const std::shared_ptr<InitRun> run,
                   runs_.Begin(std::move(parameters)));
  std::string seen;
  while (true) {
    const InitRun::Progress progress =
        run->WaitForProgress(seen, kProgressInterval);
    if (progress.finished) {
      break;
    }
    seen = progress.phase;
    v1::InitServerMessage message;
    message.mutable_progress()->set_phase(progress.phase);
    message.mutable_progress()->set_elapsed_ms(
        static_cast<uint64_t>(absl::ToInt64Milliseconds(progress.elapsed)));
    if (context.IsCancelled() || !stream.Write(message)) {
      return Unavailable("init: the caller has gone; init goes on");
    }
  }
  ASSIGN_OR_RETURN(const InitOutcome outcome, run->outcome());
  v1::InitServerMessage message;
  message.mutable_result()->set_kubeconfig(outcome.kubeconfig);
  message.mutable_result()->set_cluster_id(
      std::string(AsText(outcome.cluster_id)));
  if (!stream.Write(message)) {
    return Unavailable("init: the caller has gone before the result");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<grpc::Server>> StartInitServer(
    InitService& service, const std::string& address, int* port) {
  grpc::ResourceQuota quota("init");
  quota.Resize(kServerMemory).SetMaxThreads(kServerThreads);
  int bound = 0;
  grpc::ServerBuilder builder;
  builder.SetResourceQuota(quota)
      .SetMaxReceiveMessageSize(attestation::kMaxMessageBytes)
      .SetMaxSendMessageSize(attestation::kMaxMessageBytes)
      .AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreams)
      .AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs)
      .AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveMs)
      .AddListeningPort(
          address, attestation::AttestedServerCredentials(service.identity()),
          &bound)
      .RegisterService(&service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || bound == 0) {
    return Unavailable(
        fmt::format("init server: cannot listen at {}", address));
  }
  if (port != nullptr) {
    *port = bound;
  }
  return server;
}

}  // namespace constellation::bootstrapper
