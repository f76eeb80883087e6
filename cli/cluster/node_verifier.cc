// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/node_verifier.h"

#include <fmt/format.h>

#include <utility>

#include "cli/exit_code.h"
#include "common/status.h"

namespace constellation::cli {

using attestation::Appraisal;
using attestation::ClusterState;

VerifyNode MakeNodeVerifier(attestation::Policy policy, std::string node_name,
                            std::vector<ClusterState> accepted,
                            const Clock& clock) {
  return [policy = std::move(policy), node_name = std::move(node_name),
          accepted = std::move(accepted),
          &clock](const attestation::Evidence& evidence,
                  std::span<const uint8_t> user_data) -> absl::Status {
    absl::Status refusal =
        Internal("no state of PCR15 would have been accepted");
    for (const ClusterState& state : accepted) {
      const Appraisal appraisal = attestation::Appraise(
          evidence, user_data, state, policy, clock.Now());
      if (!appraisal.accepted) {
        refusal = attestation::ToStatus(appraisal);
        continue;
      }
      if (appraisal.node_name != node_name) {
        refusal = PermissionDenied(
            fmt::format("node name: expected {}, got the TPM of {}", node_name,
                        appraisal.node_name));
        continue;
      }
      return absl::OkStatus();
    }
    return AsRefusal(
        Annotate(refusal, fmt::format("node {} is not what it must be, nothing "
                                      "secret was sent to it",
                                      node_name)));
  };
}

}  // namespace constellation::cli
