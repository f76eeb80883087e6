// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_GRPC_REJOIN_SOURCE_H_
#define CONSTELLATION_DISK_MAPPER_GRPC_REJOIN_SOURCE_H_

#include <grpcpp/client_context.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "attestation/attester.h"
#include "attestation/evidence.h"
#include "crypto/tls_identity.h"
#include "disk-mapper/rejoin_client.h"

namespace constellation::disk_mapper {

// Judges the evidence of a JoinService's node, all but which cluster PCR15
// names. PERMISSION_DENIED names every failed check.
using VerifyPeer = std::function<absl::StatusOr<PeerProof>(
    const attestation::Evidence&, std::span<const uint8_t> user_data)>;

// Asks a JoinService over the attested channel; both sides prove themselves.
// One request at a time; Stop() may come from any thread.
class GrpcRejoinSource final : public RejoinTicketSource {
 public:
  // `attester` outlives it. One request takes at most `limit`.
  GrpcRejoinSource(attestation::Attester& attester, VerifyPeer verify,
                   crypto::TlsIdentity identity, absl::Duration limit)
      : attester_(attester),
        verify_(std::move(verify)),
        identity_(std::move(identity)),
        limit_(limit) {}

  absl::StatusOr<RejoinTicket> Request(const std::string& address,
                                       const std::string& disk_uuid) override;
  void Stop() override;
  // Only before the first request.
  void set_limit(absl::Duration limit) { limit_ = limit; }
  // What the metadata calls this node; likewise.
  void set_node_name(std::string name) { node_name_ = std::move(name); }

 private:
  // Lets Stop() reach `context`; false if it came before.
  bool Register(grpc::ClientContext* context);

  attestation::Attester& attester_;
  const VerifyPeer verify_;
  const crypto::TlsIdentity identity_;
  absl::Duration limit_;
  std::string node_name_;
  absl::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* current_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_GRPC_REJOIN_SOURCE_H_
