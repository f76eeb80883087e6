// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_VERIFY_VERIFY_H_
#define CONSTELLATION_CLI_VERIFY_VERIFY_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "attestation/policy/collateral_provider.h"
#include "attestation/policy/policy.h"
#include "cli/nodes/node_api.h"
#include "cli/verify/verify_report.h"
#include "cli/workspace/state.h"
#include "common/clock.h"

namespace constellation::cli {

// How `verify` was called. A value, but for `collateral`.
struct VerifyOptions {
  std::string cluster_id;  // hex or base64; empty: that of the state file
  std::string endpoint;    // host[:port] of a relay; empty: the state's nodes
  // Judge by this in place of the state's measurements. If it enrols nobody,
  // the state's enrolled TPMs count, if there are any.
  std::optional<attestation::Policy> policy = std::nullopt;
  // May be null. Outlives the call.
  attestation::CollateralProvider* collateral = nullptr;
};

// Challenges every node of `state` with a fresh nonce, through a relay and
// directly where the relay brought nothing, and judges the answers.
// INVALID_ARGUMENT for a bad cluster ID or endpoint, FAILED_PRECONDITION if the
// cluster was never initialised. A node that does not answer is a result, not
// an error.
absl::StatusOr<VerifyReport> VerifyCluster(const State& state,
                                           const VerifyOptions& options,
                                           NodeApi& node_api,
                                           const Clock& clock);

// 32 octets from 64 hex digits or from base64.
absl::StatusOr<Bytes> ParseClusterId(const std::string& text);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_VERIFY_VERIFY_H_
