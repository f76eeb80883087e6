// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_TESTING_LOOPBACK_H_
#define CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_TESTING_LOOPBACK_H_

#include <grpcpp/server.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "attestation/attester.h"
#include "attestation/channel/handshake_core.h"
#include "crypto/tls_identity.h"
#include "proto/join.grpc.pb.h"

namespace constellation::attestation::testing {

// How one end of a connection behaves.
struct End {
  crypto::TlsIdentity identity;
  Attester* attester = nullptr;
  VerifyFn verify;
  std::string context = "join";
};

// What is worth stealing: it comes only after the handshake.
inline constexpr std::string_view kTicketKey = "the state disk's key";

using JoinStream =
    grpc::ServerReaderWriter<v1::JoinServerMessage, v1::JoinClientMessage>;

// A JoinService on a loopback port that hands every caller a ticket once the
// handshake succeeded. `behaviour` replaces all that: a hostile server.
// Thread-safe.
class LoopbackServer final : public v1::JoinService::Service {
 public:
  using Behaviour =
      std::function<absl::Status(grpc::ServerContext&, JoinStream&)>;

  explicit LoopbackServer(End end, Behaviour behaviour = {});
  ~LoopbackServer() override;

  grpc::Status IssueJoinTicket(grpc::ServerContext* context,
                               JoinStream* stream) override;

  int port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // How the last call ended, as the server sees it.
  absl::Status last() const;
  // How many tickets left the server.
  int tickets() const;

 private:
  absl::Status Serve(grpc::ServerContext& context, JoinStream& stream);

  const End end_;
  const Behaviour behaviour_;
  mutable absl::Mutex mutex_;
  absl::Status last_ ABSL_GUARDED_BY(mutex_);
  int tickets_ ABSL_GUARDED_BY(mutex_) = 0;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// Asks for a ticket as a joining node does and returns the key in it.
absl::StatusOr<std::string> FetchTicket(
    const std::string& address, const End& end,
    absl::Duration patience = absl::Seconds(20));

}  // namespace constellation::attestation::testing

#endif  // CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_TESTING_LOOPBACK_H_
