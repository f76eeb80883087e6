// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/node_verifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "cli/exit_code.h"
#include "common/status.h"

namespace constellation::cli {

using attestation::Appraisal;
using attestation::ClusterState;

namespace {

// How far the evidence is from what would be accepted.
size_t CountFailed(const Appraisal& appraisal) {
  return static_cast<size_t>(
      std::count_if(appraisal.rows.begin(), appraisal.rows.end(),
                    [](const attestation::CheckRow& row) {
                      return row.verdict == attestation::CheckVerdict::kFailed;
                    }));
}

}  // namespace

VerifyNode MakeNodeVerifier(attestation::Policy policy, std::string node_name,
                            std::vector<ClusterState> accepted,
                            const Clock& clock) {
  return [policy = std::move(policy), node_name = std::move(node_name),
          accepted = std::move(accepted),
          &clock](const attestation::Evidence& evidence,
                  std::span<const uint8_t> user_data) -> absl::Status {
    absl::Status refusal =
        Internal("no state of PCR15 would have been accepted");
    size_t fewest = std::numeric_limits<size_t>::max();
    for (const ClusterState& state : accepted) {
      const Appraisal appraisal = attestation::Appraise(
          evidence, user_data, state, policy, clock.Now());
      // An accepted machine under another name is refused: the key that follows
      // belongs to this node's disk.
      if (appraisal.accepted && appraisal.node_name == node_name) {
        return absl::OkStatus();
      }
      // The state that fits best explains most.
      const size_t failed = CountFailed(appraisal);
      if (failed >= fewest) {
        continue;
      }
      fewest = failed;
      refusal = appraisal.accepted
                    ? PermissionDenied(fmt::format(
                          "node name: expected {}, got the TPM of {}",
                          node_name, appraisal.node_name))
                    : attestation::ToStatus(appraisal);
    }
    return AsRefusal(
        Annotate(refusal, fmt::format("node {} is not what it must be, nothing "
                                      "secret was sent to it",
                                      node_name)));
  };
}

}  // namespace constellation::cli
