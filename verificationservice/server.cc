// SPDX-License-Identifier: Apache-2.0
#include "verificationservice/server.h"

#include <fmt/format.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <pthread.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <csignal>
#include <memory>

#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/grpc_status.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/tls_identity.h"
#include "kubernetes/client.h"
#include "verificationservice/grpc_evidence_fetcher.h"
#include "verificationservice/kubernetes_node_directory.h"
#include "verificationservice/node_prover.h"
#include "verificationservice/verification_service.h"

namespace constellation::verificationservice {
namespace {

constexpr int kServicePort = 30081;
// A request is a nonce.
constexpr int kMaxRequestBytes = 4096;
constexpr int kMaxThreads = 24;
constexpr int kMaxConcurrentStreams = 4;
constexpr absl::Duration kNodeTimeout = absl::Seconds(20);
constexpr std::chrono::seconds kShutdownGrace{5};

absl::StatusOr<std::unique_ptr<kubernetes::Client>> Connect(
    const Options& options) {
  if (options.kubeconfig.empty()) return kubernetes::Client::InCluster();
  ASSIGN_OR_RETURN(const std::string yaml, ReadFile(options.kubeconfig));
  return kubernetes::Client::FromKubeconfig(yaml);
}

absl::StatusOr<std::unique_ptr<attestation::Attester>> OpenTpm(
    const Options& options) {
  return attestation::TpmAttester::Create(options.tcti, options.variant,
                                          options.event_log);
}

std::unique_ptr<grpc::Server> Listen(const Options& options,
                                     const crypto::TlsIdentity& identity,
                                     VerificationService& service) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.listen,
                           attestation::AttestedServerCredentials(identity));
  builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
  builder.SetMaxSendMessageSize(attestation::kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             kMaxConcurrentStreams);
  grpc::ResourceQuota quota("verificationservice");
  quota.SetMaxThreads(kMaxThreads);
  builder.SetResourceQuota(quota);
  builder.RegisterService(&service);
  return builder.BuildAndStart();
}

}  // namespace

absl::Status RunServer(const Options& options) {
  // Before any thread starts, so that all inherit it.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  ASSIGN_OR_RETURN(const crypto::TlsIdentity identity,
                   crypto::CreateTlsIdentity());
  NodeProver prover(options.node_name, [&options] { return OpenTpm(options); });
  KubernetesNodeDirectory directory([&options] { return Connect(options); });
  GrpcEvidenceFetcher fetcher(identity, kServicePort, kNodeTimeout);
  VerificationService service(prover, directory, fetcher);
  const std::unique_ptr<grpc::Server> server =
      Listen(options, identity, service);
  if (server == nullptr) {
    return Unavailable(fmt::format("cannot listen on {}", options.listen));
  }
  spdlog::info("event=listening address={} node={}", options.listen,
               options.node_name);
  int signal = 0;
  sigwait(&ends, &signal);
  spdlog::info("event=stopping signal={}", signal);
  server->Shutdown(std::chrono::system_clock::now() + kShutdownGrace);
  return absl::OkStatus();
}

}  // namespace constellation::verificationservice
