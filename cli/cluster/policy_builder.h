// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CLUSTER_POLICY_BUILDER_H_
#define CONSTELLATION_CLI_CLUSTER_POLICY_BUILDER_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "attestation/policy/policy.h"
#include "cli/config/config.h"
#include "cli/workspace/state.h"

namespace constellation::cli {

// The measurements of `profile` in the form of the workspace files.
Measurements MeasurementsOf(const attestation::Profile& profile);

// The profile that `measurements` demand. PCR 8, 12, 13 and 14 must be zero
// where nothing else is said; entries with warn_only are left out.
absl::StatusOr<attestation::Profile> ProfileOf(const Measurements& measurements,
                                               std::string_view name);

// The nodes of `state` whose TPM has been enrolled.
absl::StatusOr<std::vector<attestation::EnrolledNode>> EnrolledNodesOf(
    const State& state);

// By what nodes of this cluster are judged: the pinned measurements of `state`
// and its enrolled TPMs, or in a cloud the pinned profile. FAILED_PRECONDITION
// if no infrastructure was created, or nothing was pinned yet.
absl::StatusOr<attestation::Policy> BuildPolicy(const State& state);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CLUSTER_POLICY_BUILDER_H_
