// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_POLICY_APPRAISAL_H_
#define CONSTELLATION_ATTESTATION_POLICY_APPRAISAL_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "attestation/evidence.h"
#include "attestation/policy/appraisal_collateral.h"
#include "attestation/policy/check_row.h"
#include "attestation/policy/policy.h"
#include "attestation/policy/tcb_report.h"
#include "crypto/hash.h"

namespace constellation::attestation {

// What PCR15 of the appraised node must say. Copyable value.
class ClusterState final {
 public:
  enum class Kind { kNone, kMember, kAnyMember };

  // The node belongs to no cluster yet: PCR15 is zero. Demanded before any
  // ticket is given.
  static ClusterState None() { return {Kind::kNone, {}}; }
  // The node belongs to the cluster with this ID (32 bytes).
  static ClusterState MemberOf(std::span<const uint8_t> cluster_id);
  // The node belongs to some cluster: PCR15 is not zero. For a joining node,
  // which learns the ID from the ticket: it MUST then compare
  // Appraisal::cluster_pcr with ExpectedClusterPcr(ticket's ID).
  static ClusterState AnyMember() { return {Kind::kAnyMember, {}}; }

  Kind kind() const { return kind_; }
  // The value that PCR15 must have; nothing for kAnyMember.
  std::optional<crypto::Sha256Digest> expected_pcr() const;

 private:
  ClusterState(Kind kind, const crypto::Sha256Digest& pcr)
      : kind_(kind), pcr_(pcr) {}
  Kind kind_;
  crypto::Sha256Digest pcr_;
};

// What the evidence shows, row by row. Only Appraise() makes accepting ones.
struct Appraisal {
  std::vector<CheckRow> rows;
  bool accepted = false;  // every row but kInfo passed
  // Whom one has to trust beyond the owner: "hardware-rooted",
  // "paravisor-rooted", "hypervisor-trusting" (a vTPM that the hypervisor owns,
  // no CPU evidence) or "simulated" (a software TPM that the owner pinned);
  // "nothing" if the variant is unknown.
  std::string rests_on;
  std::string profile;    // name of the matching, else of the closest profile
  std::string node_name;  // of the enrolment with the evidence's AK, or empty
  std::string role;       // likewise
  // The four requirements of a confidential cloud, answered for this node.
  std::vector<TcbAnswer> tcb_report;
  // PCR15, only if the quote itself verified.
  std::optional<crypto::Sha256Digest> cluster_pcr;

  // The failed rows in one line: "PCR4: expected <hex>, got <hex>; ..."; empty
  // if accepted.
  std::string Failures() const;
};

// Compares `evidence`, made for `user_data`, with the policy at the instant
// `now`, without collateral: enough for variants without CPU evidence, or if
// all certificates are in the evidence. Pure. Gives every row, never only the
// first failure; if no profile matches, the PCR rows are those of the closest
// one and name it.
//
// Does not check that `user_data` is fresh or bound to a connection
// (attestation/channel does), nor that role and name suit the caller.
Appraisal Appraise(const Evidence& evidence, std::span<const uint8_t> user_data,
                   const ClusterState& cluster_state, const Policy& policy,
                   absl::Time now);

// The same with what vendors publish: what evidence of variants with a CPU's or
// a cloud's own layer needs. Among profiles whose registers are equally close,
// the one is taken whose other demands are met, or that misses the fewest.
Appraisal Appraise(const Evidence& evidence, std::span<const uint8_t> user_data,
                   const ClusterState& cluster_state, const Policy& policy,
                   const AppraisalCollateral& collateral, absl::Time now);

// OK if accepted, else PERMISSION_DENIED whose message names each failed row:
// check (PCR index), expected, got.
absl::Status ToStatus(const Appraisal& appraisal);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_POLICY_APPRAISAL_H_
