// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_VERIFY_APPRAISE_CLUSTER_H_
#define CONSTELLATION_CLI_VERIFY_APPRAISE_CLUSTER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "attestation/policy/collateral_provider.h"
#include "attestation/policy/policy.h"
#include "cli/nodes/node_api.h"
#include "cli/verify/verify_report.h"
#include "common/hex.h"

namespace constellation::cli {

// An answer and who brought it.
struct SourcedAnswer {
  NodeAnswer answer;
  std::string source;  // "relay by <node>" or "direct"
  bool direct = false;
};

// A node that must be there.
struct ExpectedNode {
  std::string name;
  std::string role;
};

struct ClusterChallenge {
  Bytes nonce;       // 32 octets, fresh
  Bytes cluster_id;  // 32 octets
  // Every node that must be there is enrolled in it, and no other may be; if it
  // enrols nobody, those of `expected`.
  std::optional<attestation::Policy> policy;
  // The owner's nodes, for policies that enrol nobody because the platform
  // vouches for each node.
  std::vector<ExpectedNode> expected = {};
  // May be null: then evidence must bring all that its verification takes.
  attestation::CollateralProvider* collateral = nullptr;
  // Nodes that the owner wanted but never enrolled: nothing can be said of
  // them.
  std::vector<std::string> unenrolled;
  // Whether a relay told what the API server lists. Then an enrolled node that
  // is not listed is refused; else no node's listing is checked, and the report
  // says so.
  bool relay_answered = false;
  // Why relays that were asked could not relay: shown, and no verdict by
  // itself.
  std::vector<std::string> relay_errors;
  // Several answers under one name are all judged.
  std::vector<SourcedAnswer> answers;
  absl::Time now;
};

// Judges all answers. Pure but for `collateral`: whoever brought the evidence
// need not be trusted, because it covers the nonce and the node's name and only
// the pinned TPM, or one that the platform vouches for, can have signed it.
// Evidence about which nothing can be said because a vendor does not answer is
// unchecked, not refused. A relay that leaves something out makes the verdict
// worse, never better.
//
// Does not check that the nonce is fresh: the caller made it.
VerifyReport AppraiseCluster(const ClusterChallenge& challenge);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_VERIFY_APPRAISE_CLUSTER_H_
