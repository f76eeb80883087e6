// SPDX-License-Identifier: Apache-2.0
#include "verificationservice/server.h"

#include <grpcpp/server.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "attestation/channel/transport/attested_server.h"
#include "common/end_signals.h"
#include "common/status_macros.h"
#include "crypto/tls_identity.h"
#include "kubernetes/client.h"
#include "kubernetes/lazy_transport.h"
#include "verificationservice/grpc_evidence_fetcher.h"
#include "verificationservice/kubernetes_node_directory.h"
#include "verificationservice/node_prover.h"
#include "verificationservice/verification_service.h"

namespace constellation::verificationservice {
namespace {

// Where the services of other nodes listen.
constexpr int kServicePort = 30081;
// A request is a nonce.
constexpr int kMaxRequestBytes = 4096;
constexpr absl::Duration kNodeTimeout = absl::Seconds(20);

// TPM and guest drivers of this machine.
absl::StatusOr<std::unique_ptr<attestation::Attester>> OpenPlatform(
    const Options& options) {
  return attestation::NodeAttester::Create(options.attester);
}

}  // namespace

absl::Status RunServer(const Options& options) {
  const EndSignals signals;
  ASSIGN_OR_RETURN(const crypto::TlsIdentity identity,
                   crypto::CreateTlsIdentity());
  NodeProver prover(options.node_name,
                    [&options] { return OpenPlatform(options); });
  kubernetes::Client client(
      kubernetes::MakeLazyHttpsTransport(options.kubeconfig));
  KubernetesNodeDirectory directory(client);
  GrpcEvidenceFetcher fetcher(identity, kServicePort, kNodeTimeout);
  VerificationService service(prover, directory, fetcher);
  ASSIGN_OR_RETURN(
      const std::unique_ptr<grpc::Server> server,
      attestation::StartAttestedServer({.name = "verificationservice",
                                        .listen = options.listen,
                                        .max_request_bytes = kMaxRequestBytes},
                                       identity, service));
  spdlog::info("event=listening address={} node={}", options.listen,
               options.node_name);
  attestation::ServeUntilEnd(signals, *server,
                             [&client] { client.CancelAll(); });
  return absl::OkStatus();
}

}  // namespace constellation::verificationservice
