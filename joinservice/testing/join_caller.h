// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_JOINSERVICE_TESTING_JOIN_CALLER_H_
#define CONSTELLATION_JOINSERVICE_TESTING_JOIN_CALLER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "attestation/channel/transport/handshake.h"
#include "crypto/tls_identity.h"
#include "proto/join.grpc.pb.h"

namespace constellation::joinservice::testing {

// A joining node's end of the RPCs.
class JoinCaller final {
 public:
  explicit JoinCaller(const std::string& address);

  // What the node does; null: proves nothing.
  attestation::Attester* attester = nullptr;
  // How it judges the service; empty: not at all.
  attestation::VerifyFn verify;
  // The RPC that its evidence is made for; empty: the right one.
  std::string context;

  absl::StatusOr<v1::JoinTicket> Join(const v1::JoinRequest& request);
  absl::StatusOr<v1::RejoinTicket> Rejoin(const v1::RejoinRequest& request);

  v1::JoinService::Stub& stub() { return *stub_; }

 private:
  const crypto::TlsIdentity identity_;
  std::unique_ptr<v1::JoinService::Stub> stub_;
};

}  // namespace constellation::joinservice::testing

#endif  // CONSTELLATION_JOINSERVICE_TESTING_JOIN_CALLER_H_
