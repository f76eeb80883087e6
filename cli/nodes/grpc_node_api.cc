// SPDX-License-Identifier: Apache-2.0
#include "cli/nodes/grpc_node_api.h"

#include <fmt/format.h>
#include <grpcpp/create_channel.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/evidence_conversion.h"
#include "attestation/channel/transport/grpc_status.h"
#include "attestation/channel/transport/handshake.h"
#include "cli/terminal/interrupt.h"
#include "common/secret_bytes.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "proto/init.grpc.pb.h"
#include "proto/recovery.grpc.pb.h"
#include "proto/verification.grpc.pb.h"

namespace constellation::cli {
namespace {

using attestation::EndFailedCall;
using attestation::FromGrpcStatus;

// Generous: on an emulated machine kubeadm alone takes minutes.
constexpr absl::Duration kInitTimeout = absl::Minutes(90);
constexpr absl::Duration kRecoverTimeout = absl::Minutes(5);
constexpr absl::Duration kEvidenceTimeout = absl::Minutes(2);
// More answers than any cluster has nodes: a relay may be hostile.
constexpr size_t kMaxNodes = 1000;

// TLS with a key made for this process and no authority: who the peer is shows
// the handshake of the attested channel, not its certificate.
std::shared_ptr<grpc::Channel> Dial(const std::string& address,
                                    const crypto::TlsIdentity& identity) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(attestation::kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // Like every other call to a node: a proxy of the environment is for the web,
  // and does not lead to 127.0.0.1 of this machine.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // A machine that is reset leaves its connections open and silent.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 60000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 60000);
  return grpc::CreateCustomChannel(
      address, attestation::AttestedChannelCredentials(identity), arguments);
}

// For the call as a whole.
void SetDeadline(grpc::ClientContext& context, absl::Duration timeout) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
}

std::string Text(std::span<const uint8_t> octets) {
  return std::string(AsText(octets));
}

// Secrets are copied into the message, which is wiped once it is sent; what
// gRPC has buffered is out of reach.
v1::InitClientMessage InitMessageOf(const InitParameters& parameters) {
  v1::InitClientMessage message;
  v1::InitRequest& request = *message.mutable_request();
  request.set_init_secret(Text(parameters.init_secret.Expose()));
  request.set_master_key(Text(parameters.master_key.Expose()));
  request.set_master_salt(Text(parameters.master_salt));
  request.set_measurement_salt(Text(parameters.measurement_salt));
  request.set_cluster_name(parameters.cluster_name);
  request.set_kubernetes_version(parameters.kubernetes_version);
  for (const std::string& name : parameters.api_server_cert_sans) {
    request.add_api_server_cert_sans(name);
  }
  request.set_service_cidr(parameters.service_cidr);
  request.set_pod_cidr(parameters.pod_cidr);
  request.set_attestation_policy(parameters.attestation_policy);
  request.set_time_scale(parameters.time_scale);
  return message;
}

// For --debug: what became of a call.
void LogCall(std::string_view rpc, const std::string& address,
             const absl::Status& status) {
  spdlog::debug("event=call rpc={} address={} result=\"{}\"", rpc, address,
                status.ok() ? "OK" : status.ToString());
}

// Calls `silent` once, on a thread of its own, when nobody has called Heard()
// for `limit`. Once the destructor has returned, `silent` does not run.
class SilenceGuard final {
 public:
  SilenceGuard(absl::Duration limit, std::function<void()> silent)
      : limit_(limit),
        deadline_(absl::Now() + limit),
        thread_([this, silent = std::move(silent)] { Watch(silent); }) {}
  SilenceGuard(const SilenceGuard&) = delete;
  SilenceGuard& operator=(const SilenceGuard&) = delete;
  ~SilenceGuard() {
    {
      const absl::MutexLock lock(&mutex_);
      ended_ = true;
    }
    thread_.join();
  }

  // The peer said something.
  void Heard() {
    const absl::MutexLock lock(&mutex_);
    deadline_ = absl::Now() + limit_;
  }
  // Whether `silent` was called.
  bool expired() const {
    const absl::MutexLock lock(&mutex_);
    return expired_;
  }

 private:
  // The deadline moves, so it is looked at again when it has come.
  void Watch(const std::function<void()>& silent) {
    const absl::MutexLock lock(&mutex_);
    while (!ended_ && absl::Now() < deadline_) {
      mutex_.AwaitWithDeadline(absl::Condition(&ended_), deadline_);
    }
    if (!ended_) {
      expired_ = true;
      silent();
    }
  }

  const absl::Duration limit_;
  mutable absl::Mutex mutex_;
  absl::Time deadline_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool expired_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: starts when all else is ready
};

using InitStream =
    grpc::ClientReaderWriter<v1::InitClientMessage, v1::InitServerMessage>;

// Sends the request on the attested stream and reads until the result.
absl::StatusOr<InitOutcome> ExchangeInit(InitStream& stream,
                                         const InitParameters& parameters,
                                         const InitProgressFn& progress,
                                         SilenceGuard& guard) {
  v1::InitClientMessage message = InitMessageOf(parameters);
  const bool sent = stream.Write(message) && stream.WritesDone();
  Wipe(*message.mutable_request()->mutable_init_secret());
  Wipe(*message.mutable_request()->mutable_master_key());
  if (!sent) {
    return Unavailable("init: the node ended the stream");
  }
  v1::InitServerMessage answer;
  while (stream.Read(&answer)) {
    guard.Heard();
    if (answer.has_progress()) {
      progress(answer.progress().phase(),
               absl::Milliseconds(
                   static_cast<int64_t>(answer.progress().elapsed_ms())));
    } else if (answer.has_result()) {
      return InitOutcome{answer.result().kubeconfig(),
                         Bytes(AsBytes(answer.result().cluster_id()).begin(),
                               AsBytes(answer.result().cluster_id()).end())};
    } else {
      return InvalidArgument("init: want progress or a result from the node");
    }
  }
  return Unavailable("init: the node ended the stream before its result");
}

using RecoverStream = grpc::ClientReaderWriter<v1::RecoverClientMessage,
                                               v1::RecoverServerMessage>;

// The node names its disk, we send that disk's key and no other.
absl::Status ExchangeRecovery(RecoverStream& stream, const KeysForDisk& keys) {
  v1::RecoverServerMessage disk;
  if (!stream.Read(&disk)) {
    return Unavailable("recover: the node ended the stream");
  }
  if (!disk.has_disk()) {
    return InvalidArgument("recover: want the id of a disk from the node");
  }
  ASSIGN_OR_RETURN(const RecoveryKeys found, keys(disk.disk().disk_uuid()));
  v1::RecoverClientMessage message;
  message.mutable_key()->set_state_disk_key(
      Text(found.state_disk_key.Expose()));
  message.mutable_key()->set_measurement_secret(
      Text(found.measurement_secret.Expose()));
  message.mutable_key()->set_measurement_salt(Text(found.measurement_salt));
  message.mutable_key()->set_node_name(found.node_name);
  const bool sent = stream.Write(message) && stream.WritesDone();
  Wipe(*message.mutable_key()->mutable_state_disk_key());
  Wipe(*message.mutable_key()->mutable_measurement_secret());
  v1::RecoverServerMessage result;
  if (!sent || !stream.Read(&result)) {
    return Unavailable("recover: the node ended the stream before its result");
  }
  return result.has_result()
             ? absl::OkStatus()
             : InvalidArgument("recover: want a result from the node");
}

// Decodes; judges nothing.
absl::StatusOr<NodeAnswer> AnswerOf(const v1::NodeEvidence& proto) {
  NodeAnswer answer;
  answer.node_name = proto.node_name();
  answer.claimed_name = proto.node_name();
  ASSIGN_OR_RETURN(answer.evidence,
                   attestation::EvidenceFromProto(proto.evidence()));
  return answer;
}

}  // namespace

// One key for all calls of the process: evidence is bound to it.
absl::StatusOr<const crypto::TlsIdentity*> GrpcNodeApi::Identity() {
  if (!identity_) {
    ASSIGN_OR_RETURN(identity_, crypto::CreateTlsIdentity());
  }
  return &*identity_;
}

// Nothing secret is sent before `verify` has accepted the node.
absl::StatusOr<InitOutcome> GrpcNodeApi::Init(const std::string& address,
                                              const InitParameters& parameters,
                                              const VerifyNode& verify,
                                              const InitProgressFn& progress) {
  ASSIGN_OR_RETURN(const crypto::TlsIdentity* identity, Identity());
  const auto stub = v1::InitService::NewStub(Dial(address, *identity));
  grpc::ClientContext context;
  SetDeadline(context, kInitTimeout);
  const CancelOnInterrupt cancel([&context] { context.TryCancel(); });
  SilenceGuard guard(silence_limit_, [&context] { context.TryCancel(); });
  const std::unique_ptr<InitStream> stream = stub->Init(&context);
  absl::Status status = attestation::HandshakeAsClient(
      context, *identity, *stream, "init", nullptr, verify);
  guard.Heard();
  absl::StatusOr<InitOutcome> outcome =
      status.ok() ? ExchangeInit(*stream, parameters, progress, guard)
                  : absl::StatusOr<InitOutcome>(status);
  LogCall("Init", address, outcome.status());
  if (outcome.ok()) {
    context.TryCancel();  // the result is here; how the stream ends is nothing
    (void)stream->Finish();
    return outcome;
  }
  status = EndFailedCall(context, *stream, outcome.status());
  RETURN_IF_ERROR(CheckInterrupted());
  return guard.expired()
             ? Unavailable(fmt::format("init: the node said nothing for {}",
                                       absl::FormatDuration(silence_limit_)))
             : status;
}

absl::Status GrpcNodeApi::Recover(const std::string& address,
                                  const VerifyNode& verify,
                                  const KeysForDisk& keys) {
  ASSIGN_OR_RETURN(const crypto::TlsIdentity* identity, Identity());
  const auto stub = v1::RecoveryService::NewStub(Dial(address, *identity));
  grpc::ClientContext context;
  SetDeadline(context, kRecoverTimeout);
  const CancelOnInterrupt cancel([&context] { context.TryCancel(); });
  const std::unique_ptr<RecoverStream> stream = stub->Recover(&context);
  absl::Status status = attestation::HandshakeAsClient(
      context, *identity, *stream, "recover", nullptr, verify);
  if (status.ok()) {
    status = ExchangeRecovery(*stream, keys);
  }
  LogCall("Recover", address, status);
  if (status.ok()) {
    (void)stream->Finish();
    return status;
  }
  status = EndFailedCall(context, *stream, status);
  RETURN_IF_ERROR(CheckInterrupted());
  return status;
}

absl::StatusOr<NodeAnswer> GrpcNodeApi::GetEvidence(
    const std::string& address, std::span<const uint8_t> nonce) {
  ASSIGN_OR_RETURN(const crypto::TlsIdentity* identity, Identity());
  const auto stub = v1::VerificationService::NewStub(Dial(address, *identity));
  grpc::ClientContext context;
  SetDeadline(context, kEvidenceTimeout);
  const CancelOnInterrupt cancel([&context] { context.TryCancel(); });
  v1::GetEvidenceRequest request;
  request.set_nonce(Text(nonce));
  v1::NodeEvidence evidence;
  const absl::Status called =
      FromGrpcStatus(stub->GetEvidence(&context, request, &evidence));
  LogCall("GetEvidence", address, called);
  RETURN_IF_ERROR(called);
  return AnswerOf(evidence);
}

// An answer that cannot be decoded becomes that node's error: one bad node must
// not hide the others.
absl::StatusOr<std::vector<NodeAnswer>> GrpcNodeApi::ChallengeCluster(
    const std::string& address, std::span<const uint8_t> nonce) {
  ASSIGN_OR_RETURN(const crypto::TlsIdentity* identity, Identity());
  const auto stub = v1::VerificationService::NewStub(Dial(address, *identity));
  grpc::ClientContext context;
  SetDeadline(context, kEvidenceTimeout);
  const CancelOnInterrupt cancel([&context] { context.TryCancel(); });
  v1::ChallengeClusterRequest request;
  request.set_nonce(Text(nonce));
  v1::ClusterEvidence cluster;
  const absl::Status called =
      FromGrpcStatus(stub->ChallengeCluster(&context, request, &cluster));
  LogCall("ChallengeCluster", address, called);
  RETURN_IF_ERROR(called);
  if (static_cast<size_t>(cluster.nodes_size()) > kMaxNodes) {
    return InvalidArgument(
        fmt::format("challenge: want at most {} nodes, got {}", kMaxNodes,
                    cluster.nodes_size()));
  }
  std::vector<NodeAnswer> answers;
  for (const v1::NodeAnswer& proto : cluster.nodes()) {
    absl::StatusOr<NodeAnswer> answer = NodeAnswer{};
    if (proto.has_evidence()) {
      answer = AnswerOf(proto.evidence());
    } else {
      answer->error = proto.error();
    }
    if (!answer.ok()) {
      const std::string reason(Message(answer.status()));
      answer = NodeAnswer{};
      answer->error = reason;
    }
    answer->node_name = proto.node_name();
    answers.push_back(*std::move(answer));
  }
  return answers;
}

}  // namespace constellation::cli
