// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_GRPC_TICKET_SOURCE_H_
#define CONSTELLATION_BOOTSTRAPPER_GRPC_TICKET_SOURCE_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attestation/attester.h"
#include "attestation/evidence.h"
#include "bootstrapper/join_ticket.h"
#include "crypto/tls_identity.h"
#include "proto/join.pb.h"

namespace constellation::bootstrapper {

// Judges the evidence of a JoinService's node, all but which cluster PCR15
// names: the caller compares that with the ticket. PERMISSION_DENIED names
// every failed check.
using VerifyPeer = std::function<absl::StatusOr<PeerProof>(
    const attestation::Evidence&, std::span<const uint8_t> user_data)>;

// Asks a JoinService over the attested channel; both sides prove themselves.
// Thread-safe.
class GrpcTicketSource final : public TicketSource {
 public:
  // `attester` outlives it. One request takes at most `limit`.
  GrpcTicketSource(attestation::Attester& attester, VerifyPeer verify,
                   crypto::TlsIdentity identity, absl::Duration limit)
      : attester_(attester),
        verify_(std::move(verify)),
        identity_(std::move(identity)),
        limit_(limit) {}

  absl::StatusOr<IssuedTicket> Request(const std::string& address,
                                       const TicketRequest& request) override;

 private:
  attestation::Attester& attester_;
  const VerifyPeer verify_;
  const crypto::TlsIdentity identity_;
  const absl::Duration limit_;
};

// Takes the secrets out of `proto`: what stays in it is overwritten. Nothing is
// checked; see ValidateTicket().
JoinTicket TakeTicket(v1::JoinTicket& proto);

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_GRPC_TICKET_SOURCE_H_
