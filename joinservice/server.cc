// SPDX-License-Identifier: Apache-2.0
#include "joinservice/server.h"

#include <grpcpp/server.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <utility>

#include "attestation/channel/transport/attested_server.h"
#include "attestation/collateral/evidence_collateral.h"
#include "common/clock.h"
#include "common/end_signals.h"
#include "common/status_macros.h"
#include "crypto/tls_identity.h"
#include "joinservice/join_service.h"
#include "joinservice/key_client.h"
#include "joinservice/kubernetes_cluster_api.h"
#include "joinservice/lazy_attester.h"
#include "joinservice/policy_watcher.h"
#include "joinservice/ticket_issuer.h"
#include "kubernetes/client.h"
#include "kubernetes/lazy_transport.h"

namespace constellation::joinservice {
namespace {

// TPM and guest drivers of this machine.
absl::StatusOr<std::unique_ptr<attestation::Attester>> OpenPlatform(
    const Options& options) {
  return attestation::NodeAttester::Create(options.attester);
}

}  // namespace

// Everything lives on this stack, in an order in which each outlives its users;
// the server is gone before what its calls use.
absl::Status RunServer(const Options& options) {
  const EndSignals signals;
  ASSIGN_OR_RETURN(const crypto::TlsIdentity identity,
                   crypto::CreateTlsIdentity());
  auto lazy_transport = kubernetes::MakeLazyHttpsTransport(options.kubeconfig);
  kubernetes::LazyTransport& transport = *lazy_transport;
  kubernetes::Client client(std::move(lazy_transport));
  PolicyWatcher policies(client, Clock::System());
  KeyClient keys(options.key_service_socket);
  KubernetesClusterApi cluster(client, Clock::System());
  attestation::CollateralService collateral(
      options.collateral, attestation::NodeFetcherOptions(), Clock::System());
  const TicketIssuer issuer(policies, keys, cluster, Clock::System(),
                            options.pki_folder, &collateral);
  LazyAttester attester([&options] { return OpenPlatform(options); });
  JoinService service(identity, attester, issuer);
  ASSIGN_OR_RETURN(const std::unique_ptr<grpc::Server> server,
                   attestation::StartAttestedServer(
                       {.name = "joinservice", .listen = options.listen},
                       identity, service));
  // Nodes that come meanwhile wait.
  RETURN_IF_ERROR(transport.Open());
  policies.Start();
  spdlog::info("event=listening address={}", options.listen);
  attestation::ServeUntilEnd(signals, *server,
                             [&client] { client.CancelAll(); });
  return absl::OkStatus();
}

}  // namespace constellation::joinservice
