// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_ATTESTED_SERVER_H_
#define CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_ATTESTED_SERVER_H_

#include <grpcpp/server.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "attestation/channel/transport/grpc_status.h"
#include "common/end_signals.h"
#include "crypto/tls_identity.h"

namespace constellation::attestation {

struct AttestedServerOptions {
  std::string name;    // in gRPC's messages about what it refuses
  std::string listen;  // host:port
  int max_request_bytes = kMaxMessageBytes;
};

// Listens with credentials that check nothing (AttestedServerCredentials()):
// `service` attests its own streams. Strangers can occupy 24 threads at most,
// and four calls a connection. `service` and the result's calls end before the
// result is destroyed. UNAVAILABLE: the address cannot be listened on.
absl::StatusOr<std::unique_ptr<grpc::Server>> StartAttestedServer(
    const AttestedServerOptions& options, const crypto::TlsIdentity& identity,
    grpc::Service& service);

// Serves until one of `signals` comes; then takes no new calls, gives those
// that run five seconds, and cancels them. `cut_off` is called at that moment,
// at the latest when all have ended: it ends what calls (or other threads) wait
// for elsewhere, which cancelling does not reach.
void ServeUntilEnd(
    const EndSignals& signals, grpc::Server& server,
    const std::function<void()>& cut_off = [] {});

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_ATTESTED_SERVER_H_
