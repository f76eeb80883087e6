// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/recovery_service.h"

#include <fmt/format.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <utility>

#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/grpc_status.h"
#include "attestation/channel/transport/handshake.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/key_hierarchy.h"
#include "disk-mapper/call_limit.h"
#include "disk-mapper/wire_secret.h"

namespace constellation::disk_mapper {
namespace {

constexpr std::string_view kRecoverContext = "recover";
constexpr absl::Duration kGrace = absl::Seconds(3);
constexpr int kMaxThreads = 2 * RecoveryService::kMaxCalls;

}  // namespace

// Calls are counted before anything else: the handshake costs a quote of the
// TPM.
grpc::Status RecoveryService::Recover(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<v1::RecoverServerMessage,
                             v1::RecoverClientMessage>* stream) {
  const std::string peer = context->peer();
  absl::Status status;
  if (++calls_ > kMaxCalls) {
    status = Unavailable("too many calls at once");
  } else {
    const CallLimit limit(limit_, [context] { context->TryCancel(); });
    status = RecoverImpl(*context, *stream);
  }
  --calls_;
  spdlog::info("event=recover peer={} result=\"{}\"", peer,
               status.ok() ? "opened" : Message(status));
  return attestation::ToGrpcStatus(status);
}

// The key alone would prove nothing: the host, whose disk it is, may have made
// disk and key itself. The measurement secret says that the caller speaks for
// the cluster whose ID PCR15 will show. The evidence of the node comes before
// both.
absl::Status RecoveryService::RecoverImpl(
    grpc::ServerContext& context,
    grpc::ServerReaderWriter<v1::RecoverServerMessage,
                             v1::RecoverClientMessage>& stream) {
  if (unlocker_.IsDecided()) {
    return FailedPrecondition("this node waits for no key any more");
  }
  RETURN_IF_ERROR(attestation::HandshakeAsServer(context, identity_, stream,
                                                 kRecoverContext, &attester_,
                                                 attestation::VerifyFn()));
  v1::RecoverServerMessage disk;
  disk.mutable_disk()->set_disk_uuid(unlocker_.disk_uuid());
  v1::RecoverClientMessage answer;
  if (!stream.Write(disk) || !stream.Read(&answer)) {
    return Unavailable("the caller ended the stream before the key");
  }
  if (!answer.has_key()) {
    return InvalidArgument("want a key, got another message");
  }
  const SecretBytes key =
      TakeSecret(*answer.mutable_key()->mutable_state_disk_key());
  const SecretBytes measurement_secret =
      TakeSecret(*answer.mutable_key()->mutable_measurement_secret());
  ASSIGN_OR_RETURN(
      Bytes cluster_id,
      crypto::ClusterIdFrom(measurement_secret,
                            AsBytes(answer.key().measurement_salt())));
  RETURN_IF_ERROR(
      unlocker_.TryKey(key, {std::move(cluster_id), answer.key().node_name()},
                       "the owner (recover)"));
  v1::RecoverServerMessage result;
  result.mutable_result();
  // The disk is open, whether the caller learns it or not.
  (void)stream.Write(result);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RecoveryServer>> RecoveryServer::Start(
    const std::string& address, RecoveryService& service,
    const crypto::TlsIdentity& identity) {
  std::unique_ptr<RecoveryServer> server(new RecoveryServer());  // NOLINT
  grpc::ResourceQuota quota("recovery");
  quota.SetMaxThreads(kMaxThreads);
  grpc::ServerBuilder builder;
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(attestation::kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort(address,
                           attestation::AttestedServerCredentials(identity),
                           &server->port_);
  builder.RegisterService(&service);
  server->server_ = builder.BuildAndStart();
  if (server->server_ == nullptr) {
    return Unavailable(fmt::format("cannot listen on {}", address));
  }
  return server;
}

RecoveryServer::~RecoveryServer() {
  if (server_ != nullptr) {
    server_->Shutdown(absl::ToChronoTime(absl::Now() + kGrace));
    server_->Wait();
  }
}

}  // namespace constellation::disk_mapper
