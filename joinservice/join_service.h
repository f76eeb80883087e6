// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_JOINSERVICE_JOIN_SERVICE_H_
#define CONSTELLATION_JOINSERVICE_JOIN_SERVICE_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>
#include <grpcpp/support/sync_stream.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attestation/attester.h"
#include "crypto/tls_identity.h"
#include "joinservice/call_guard.h"
#include "joinservice/ticket_issuer.h"
#include "proto/join.grpc.pb.h"

namespace constellation::joinservice {

// What strangers may use up at most.
struct ServiceLimits {
  size_t max_calls = 16;
  absl::Duration call_deadline = absl::Seconds(60);
};

// The gRPC face of TicketIssuer: attests both ends of each stream, converts,
// and logs every decision. Thread-safe.
class JoinService final : public v1::JoinService::Service {
 public:
  // `attester` and `issuer` outlive it. `identity` is the one that the server
  // listens with.
  JoinService(crypto::TlsIdentity identity, attestation::Attester& attester,
              const TicketIssuer& issuer, const ServiceLimits& limits = {})
      : identity_(std::move(identity)),
        attester_(attester),
        issuer_(issuer),
        guard_(limits.max_calls, limits.call_deadline) {}

  grpc::Status IssueJoinTicket(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::JoinServerMessage, v1::JoinClientMessage>*
          stream) override;
  grpc::Status IssueRejoinTicket(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::RejoinServerMessage,
                               v1::RejoinClientMessage>* stream) override;

 private:
  // What is logged of a request; filled in as it becomes known.
  struct Record {
    std::string kind;
    std::string peer;
    std::string node = {};
    std::string role = {};
    std::string profile = {};
    std::string disk = {};
  };

  template <typename Outgoing, typename Incoming>
  absl::StatusOr<VerifiedNode> Attest(
      grpc::ServerContext& context,
      grpc::ServerReaderWriter<Outgoing, Incoming>& stream, Record& record);
  absl::Status Join(grpc::ServerContext& context,
                    grpc::ServerReaderWriter<v1::JoinServerMessage,
                                             v1::JoinClientMessage>& stream,
                    Record& record);
  absl::Status Rejoin(grpc::ServerContext& context,
                      grpc::ServerReaderWriter<v1::RejoinServerMessage,
                                               v1::RejoinClientMessage>& stream,
                      Record& record);
  static void Log(const Record& record, const absl::Status& status);

  const crypto::TlsIdentity identity_;
  attestation::Attester& attester_;
  const TicketIssuer& issuer_;
  CallGuard guard_;
};

}  // namespace constellation::joinservice

#endif  // CONSTELLATION_JOINSERVICE_JOIN_SERVICE_H_
