// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_POLICY_POLICY_REPORT_H_
#define CONSTELLATION_CLI_POLICY_POLICY_REPORT_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "attestation/policy/policy.h"

// What a person wants to know about a policy before it decides. Pure.
namespace constellation::cli {

// What is legal in a policy but hardly meant, at the instant `now`: nothing to
// accept, profiles that have ended or not begun or end within 30 days, keys
// that begin with "insecure", floors of zero, a variant nobody is enrolled for.
std::vector<std::string> PolicyWarnings(const attestation::Policy& policy,
                                        absl::Time now);

// The policy in sentences, a paragraph per profile: what is accepted, what that
// rests on, and until when. Ends with a newline.
std::string ExplainPolicy(const attestation::Policy& policy, absl::Time now);

// The same as JSON: {"profiles": [{"name", "variant", "restsOn", "validNow",
// "demands": [...]}], "enrolledTPMs": n}.
std::string ExplainPolicyJson(const attestation::Policy& policy,
                              absl::Time now);

// One difference. Profiles are told apart by name, enrolled TPMs by node name.
struct PolicyChange {
  enum class Kind { kAdded, kRemoved, kChanged };
  Kind kind{};
  std::string place;   // e.g. profiles["v1"].pcrs.4
  std::string before;  // JSON text; empty if added
  std::string after;   // JSON text; empty if removed

  bool operator==(const PolicyChange&) const = default;
};
// "added", "removed" or "changed".
std::string_view ToString(PolicyChange::Kind kind);

// What is different in `after`, by place. Empty if both are equal. Lists are
// compared whole.
std::vector<PolicyChange> DiffPolicies(const attestation::Policy& before,
                                       const attestation::Policy& after);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_POLICY_POLICY_REPORT_H_
