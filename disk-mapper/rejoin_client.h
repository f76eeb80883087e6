// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_REJOIN_CLIENT_H_
#define CONSTELLATION_DISK_MAPPER_REJOIN_CLIENT_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cloud/metadata.h"
#include "common/hex.h"
#include "common/secret_bytes.h"
#include "crypto/hash.h"
#include "disk-mapper/disk_unlocker.h"

namespace constellation::disk_mapper {

// What a JoinService has shown of itself: it runs on our image and on an
// enrolled machine.
struct PeerProof {
  crypto::Sha256Digest cluster_pcr{};  // its PCR15
  std::string role;                    // of its enrolment
};

// Nothing in it is believed before CheckTicketGiver() has said OK.
struct RejoinTicket {
  SecretBytes state_disk_key;
  DiskOwner owner;  // cluster of the giver; this node's name as enrolled
  PeerProof peer;
};

// Where rejoin tickets come from. Implementations are thread-safe.
class RejoinTicketSource {
 public:
  virtual ~RejoinTicketSource() = default;
  // A ticket for the disk `disk_uuid` from the JoinService at `address`
  // (host:port), which has proved itself but for which cluster it belongs to.
  virtual absl::StatusOr<RejoinTicket> Request(
      const std::string& address, const std::string& disk_uuid) = 0;
  // Ends the request under way and refuses new ones: UNAVAILABLE.
  virtual void Stop() = 0;
};

// Whether the one who gave `ticket` is a control-plane node of the very cluster
// that the ticket names. PERMISSION_DENIED says what does not fit.
absl::Status CheckTicketGiver(const RejoinTicket& ticket);

// Asks the JoinServices of all control-plane nodes but this one, again and
// again, and tries the keys they give. References outlive it.
class RejoinClient final {
 public:
  static constexpr absl::Duration kPause = absl::Seconds(3);
  static constexpr int kPort = 30090;
  // Of a round: a hostile list of peers must not keep us from the real ones
  // for long.
  static constexpr size_t kMaxPeers = 16;

  RejoinClient(cloud::MetadataClient& metadata, RejoinTicketSource& source,
               DiskUnlocker& unlocker, std::string own_name)
      : metadata_(metadata),
        source_(source),
        unlocker_(unlocker),
        own_name_(std::move(own_name)) {}

  // One round. OK: a key was accepted. Else what came of it, for people.
  absl::Status AskAll();

  // Rounds until the unlocker has decided; `report` gets each round's outcome.
  void Run(const std::function<void(const absl::Status&)>& report);

 private:
  // Whom to ask in this round, host:port; at most kMaxPeers.
  absl::StatusOr<std::vector<std::string>> Addresses();
  // Gets a ticket from one of them and tries its key.
  absl::Status Ask(const std::string& address);

  cloud::MetadataClient& metadata_;
  RejoinTicketSource& source_;
  DiskUnlocker& unlocker_;
  const std::string own_name_;
  size_t round_ = 0;
};

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_REJOIN_CLIENT_H_
