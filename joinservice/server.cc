// SPDX-License-Identifier: Apache-2.0
#include "joinservice/server.h"

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
#include "common/clock.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/tls_identity.h"
#include "joinservice/join_service.h"
#include "joinservice/key_client.h"
#include "joinservice/kubernetes_cluster_api.h"
#include "joinservice/lazy_attester.h"
#include "joinservice/policy_watcher.h"
#include "joinservice/ticket_issuer.h"
#include "kubernetes/client.h"

namespace constellation::joinservice {
namespace {

// A request is a certificate request; evidence has an event log.
constexpr int kMaxThreads = 24;
constexpr int kMaxConcurrentStreams = 4;
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
                                     JoinService& service) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.listen,
                           attestation::AttestedServerCredentials(identity));
  builder.SetMaxReceiveMessageSize(attestation::kMaxMessageBytes);
  builder.SetMaxSendMessageSize(attestation::kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             kMaxConcurrentStreams);
  grpc::ResourceQuota quota("joinservice");
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

  ASSIGN_OR_RETURN(const std::unique_ptr<kubernetes::Client> client,
                   Connect(options));
  ASSIGN_OR_RETURN(const crypto::TlsIdentity identity,
                   crypto::CreateTlsIdentity());
  PolicyWatcher policies(*client, Clock::System());
  KeyClient keys(options.key_service_socket);
  KubernetesClusterApi cluster(*client, Clock::System());
  const TicketIssuer issuer(policies, keys, cluster, Clock::System(),
                            options.pki_folder);
  LazyAttester attester([&options] { return OpenTpm(options); });
  JoinService service(identity, attester, issuer);
  const std::unique_ptr<grpc::Server> server =
      Listen(options, identity, service);
  if (server == nullptr) {
    return Unavailable(fmt::format("cannot listen on {}", options.listen));
  }
  policies.Start();
  spdlog::info("event=listening address={}", options.listen);
  int signal = 0;
  sigwait(&ends, &signal);
  spdlog::info("event=stopping signal={}", signal);
  server->Shutdown(std::chrono::system_clock::now() + kShutdownGrace);
  return absl::OkStatus();
}

}  // namespace constellation::joinservice
