// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_JOIN_CLIENT_H_
#define CONSTELLATION_BOOTSTRAPPER_JOIN_CLIENT_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bootstrapper/join_ticket.h"
#include "bootstrapper/node_claim.h"
#include "bootstrapper/node_joiner.h"
#include "cloud/metadata.h"

namespace constellation::bootstrapper {

// Looks for a JoinService that admits this node. Thread-compatible.
class JoinClient final {
 public:
  // `metadata`, `source` and `joiner` outlive it.
  JoinClient(Node node, cloud::MetadataClient& metadata, TicketSource& source,
             NodeJoiner& joiner)
      : node_(std::move(node)),
        metadata_(metadata),
        source_(source),
        joiner_(joiner) {}

  // Asks the control-plane nodes that the metadata names, again and again.
  // OK once this node is a member. FAILED_PRECONDITION once init has the node.
  // Any other error came after join had taken the lock: give the node up.
  absl::Status Run();

 private:
  // What one round came to: joined, nothing yet, or a failure behind the lock.
  struct Round {
    bool over = false;
    absl::Status status;
    absl::Duration wait;
  };
  // Asks every control-plane node once; one of them.
  Round TryOnce();
  Round TryPeer(const std::string& address);

  const Node node_;
  cloud::MetadataClient& metadata_;
  TicketSource& source_;
  NodeJoiner& joiner_;
};

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_JOIN_CLIENT_H_
