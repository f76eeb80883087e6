// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_GCP_GCP_POLICY_H_
#define CONSTELLATION_ATTESTATION_GCP_GCP_POLICY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attestation/gcp/gcp_verifier.h"
#include "attestation/tpm/check_rows.h"

namespace constellation::attestation {

// What an owner demands of a GCE machine. Lists that are empty admit all,
// except `technologies`.
struct GcpPolicy {
  // Technologies that may be on. Empty admits none; with nothing but machines
  // that send no event log, say so by `any_technology`.
  std::vector<GceTechnology> technologies;
  bool any_technology = false;
  // Project ids and numbers; a machine must match both lists.
  std::vector<std::string> project_ids;
  std::vector<uint64_t> project_numbers;
  // Zones ("europe-west3-a") or whole regions ("europe-west3").
  std::vector<std::string> zones;
  std::vector<uint64_t> instance_ids;
  std::vector<std::string> instance_names;
  // Whether Google must say that the host is a production one.
  bool require_production = true;
  std::optional<uint64_t> minimum_security_version;
};

// The rows of an appraisal, in this order.
enum class GcpPolicyCheckId {
  kTechnology,
  kProjectId,
  kProjectNumber,
  kZone,
  kInstanceId,
  kInstanceName,
  kProduction,
  kSecurityVersion,
};

// Stable name of a row, e.g. "zone".
std::string_view ToString(GcpPolicyCheckId id);

using GcpPolicyCheck = Check<GcpPolicyCheckId>;

// Compares a machine with the policy: every row, each with cause and fix if it
// failed. It passes if all rows did. Pure; thread-safe.
std::vector<GcpPolicyCheck> AppraiseGcp(const VerifiedGcp& machine,
                                        const GcpPolicy& policy);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_GCP_GCP_POLICY_H_
