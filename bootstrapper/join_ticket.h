// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_JOIN_TICKET_H_
#define CONSTELLATION_BOOTSTRAPPER_JOIN_TICKET_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attestation/peer_verifier.h"
#include "bootstrapper/init_parameters.h"
#include "common/hex.h"
#include "common/secret_bytes.h"
#include "crypto/hash.h"

namespace constellation::bootstrapper {

// What this node asks a JoinService for.
struct TicketRequest {
  std::string disk_uuid;
  std::string node_name;
  Bytes kubelet_csr;      // PKCS #10, DER
  std::string role = {};  // counts only where no TPM is enrolled
};

struct SharedFile {
  std::string name;  // below /etc/kubernetes/pki
  SecretBytes contents;
};

// What a JoinService gives; see JoinTicket in proto/join.proto.
struct JoinTicket {
  SecretBytes state_disk_key;
  Bytes cluster_id;
  std::string role;
  std::string kubelet_certificate_pem;
  std::string cluster_ca_pem;
  std::string kubelet_config;
  std::string api_server_endpoint;
  std::string kubernetes_version;
  SecretBytes bootstrap_token;
  std::string ca_cert_hash;
  std::vector<SharedFile> control_plane_files;
  uint32_t time_scale = 1;
};

using attestation::PeerProof;

struct IssuedTicket {
  JoinTicket ticket;
  PeerProof peer;
};

// The way to a JoinService. Implementations verify the peer, all but PCR15,
// before they send the request. Codes are those of the RPC (proto/join.proto)
// and PERMISSION_DENIED if the peer's evidence is refused.
class TicketSource {
 public:
  virtual ~TicketSource() = default;
  virtual absl::StatusOr<IssuedTicket> Request(
      const std::string& address, const TicketRequest& request) = 0;
};

// Checks that the peer is a control-plane node and carries the very cluster ID
// that it hands out (PERMISSION_DENIED), and every field of the ticket
// (INVALID_ARGUMENT). Nothing irreversible may happen before.
absl::Status ValidateTicket(const IssuedTicket& issued,
                            const NodeIdentity& self);

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_JOIN_TICKET_H_
