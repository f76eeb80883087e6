// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_JOINSERVICE_TICKET_ISSUER_H_
#define CONSTELLATION_JOINSERVICE_TICKET_ISSUER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "attestation/evidence.h"
#include "attestation/policy/collateral_provider.h"
#include "attestation/policy/policy.h"
#include "common/clock.h"
#include "common/hex.h"
#include "common/secret_bytes.h"
#include "joinservice/cluster_api.h"
#include "joinservice/control_plane_files.h"
#include "joinservice/key_source.h"
#include "joinservice/policy_source.h"

namespace constellation::joinservice {

// A node whose evidence the policy accepts, and that belongs to no cluster
// (PCR15 zero). It is enrolled; or the policy enrols nobody, and the node's
// platform vouches for it: then name and role are empty, for nobody pinned
// them. Only TicketIssuer::Admit() makes one, so a
// parameter of this type is the proof.
class VerifiedNode final {
 public:
  // As enrolled; both empty for a node that is not.
  const std::string& name() const { return name_; }
  const std::string& role() const { return role_; }
  const std::string& profile() const { return profile_; }
  const attestation::Policy& policy() const { return *policy_; }
  // Whether the policy pins name and role.
  bool is_enrolled() const { return !name_.empty(); }

 private:
  friend class TicketIssuer;
  VerifiedNode(std::string name, std::string role, std::string profile,
               std::shared_ptr<const attestation::Policy> policy)
      : name_(std::move(name)),
        role_(std::move(role)),
        profile_(std::move(profile)),
        policy_(std::move(policy)) {}

  std::string name_;
  std::string role_;
  std::string profile_;
  std::shared_ptr<const attestation::Policy> policy_;
};

// What a new node asks for. Unverified.
struct JoinDemand {
  std::string disk_uuid;
  std::string node_name;
  Bytes kubelet_csr;  // PKCS #10, DER
  std::string role;   // counts only for nodes that are not enrolled
};

// What it gets: see JoinTicket in proto/join.proto.
struct JoinGrant {
  SecretBytes state_disk_key;
  Bytes cluster_id;
  std::string role;
  std::string kubelet_certificate_pem;
  ClusterFacts facts;
  std::string attestation_policy;
  // For control-plane nodes only:
  SecretBytes bootstrap_token;
  std::string ca_cert_hash;
  std::vector<ControlPlaneFile> control_plane_files;
};

// What a node gets that starts again; see RejoinTicket in proto/join.proto.
struct RejoinGrant {
  SecretBytes state_disk_key;
  Bytes cluster_id;
  std::string node_name;  // as enrolled: the disk must say the same
};

// Decides who gets a ticket, and puts tickets together. Thread-safe.
class TicketIssuer final {
 public:
  // All outlive it. `pki_folder` holds the cluster's shared keys. `collateral`
  // may be null: then evidence must bring all that its verification takes.
  TicketIssuer(const PolicySource& policies, KeySource& keys,
               ClusterApi& cluster, Clock& clock, std::string pki_folder,
               attestation::CollateralProvider* collateral = nullptr)
      : policies_(policies),
        keys_(keys),
        cluster_(cluster),
        clock_(clock),
        pki_folder_(std::move(pki_folder)),
        collateral_(collateral) {}

  // Judges `evidence`, which must cover `user_data`, by the policy of this
  // moment. PERMISSION_DENIED, naming every failed check with what was expected
  // and got; UNAVAILABLE as long as there is no policy, and if a refusal may be
  // due to collateral that could not be had.
  //
  // Does not check that `user_data` is fresh and bound to the connection: the
  // attested channel does.
  absl::StatusOr<VerifiedNode> Admit(const attestation::Evidence& evidence,
                                     std::span<const uint8_t> user_data) const;

  // The ticket of a new node. INVALID_ARGUMENT: malformed demand;
  // UNAUTHENTICATED: certificate request not signed by its own key;
  // PERMISSION_DENIED: a name other than the enrolled one, or of a node that is
  // not enrolled, no name or role that one may have; otherwise errors of
  // key service, API server and files.
  absl::StatusOr<JoinGrant> IssueJoin(const VerifiedNode& node,
                                      const JoinDemand& demand) const;

  // The key of the disk of a node that starts again. INVALID_ARGUMENT unless
  // `disk_uuid` is a lower-case UUID. A lie about it yields a useless key.
  // `node_name` counts only for nodes that are not enrolled.
  absl::StatusOr<RejoinGrant> IssueRejoin(const VerifiedNode& node,
                                          std::string_view disk_uuid,
                                          std::string_view node_name) const;

 private:
  absl::Status AddControlPlaneParts(const std::string& node_name,
                                    JoinGrant& grant) const;

  const PolicySource& policies_;
  KeySource& keys_;
  ClusterApi& cluster_;
  Clock& clock_;
  const std::string pki_folder_;
  attestation::CollateralProvider* const collateral_;
};

}  // namespace constellation::joinservice

#endif  // CONSTELLATION_JOINSERVICE_TICKET_ISSUER_H_
