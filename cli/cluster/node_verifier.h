// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CLUSTER_NODE_VERIFIER_H_
#define CONSTELLATION_CLI_CLUSTER_NODE_VERIFIER_H_

#include <string>
#include <vector>

#include "attestation/policy/appraisal.h"
#include "attestation/policy/policy.h"
#include "cli/nodes/node_api.h"
#include "common/clock.h"

namespace constellation::cli {

// A check that what answers is node `node_name` of `policy`: enrolled TPM,
// accepted image, and PCR15 in one of the `accepted` states. Anything else is a
// refusal whose message has every failed row. `clock` must outlive the result.
VerifyNode MakeNodeVerifier(attestation::Policy policy, std::string node_name,
                            std::vector<attestation::ClusterState> accepted,
                            const Clock& clock);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CLUSTER_NODE_VERIFIER_H_
