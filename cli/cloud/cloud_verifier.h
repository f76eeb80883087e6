// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CLOUD_CLOUD_VERIFIER_H_
#define CONSTELLATION_CLI_CLOUD_CLOUD_VERIFIER_H_

#include <functional>
#include <string>
#include <vector>

#include "attestation/policy/appraisal.h"
#include "attestation/policy/policy.h"
#include "cli/cloud/cloud_tools.h"
#include "cli/nodes/node_api.h"

namespace constellation::cli {

// SHA-256 of the attestation key in `evidence`, hex: which TPM it is.
std::string AttestationKeyOf(const attestation::Evidence& evidence);

// A check that what answers behind a load balancer is a machine that `policy`
// accepts, with PCR15 in one of the `accepted` states; then `admit` is asked,
// whose error ends the call before anything secret is sent. Anything else is a
// refusal, except that UNAVAILABLE (collateral could not be had) stays what it
// is. `appraise` must outlive the result.
VerifyNode MakeCloudNodeVerifier(
    attestation::Policy policy, std::vector<attestation::ClusterState> accepted,
    const AppraiseCloudNode& appraise,
    std::function<absl::Status(const attestation::Evidence&)> admit);

// The real AppraiseCloudNode: Appraise() with collateral from the evidence, the
// cache in `folder` (empty: none), and the vendors.
AppraiseCloudNode AppraiseWithCollateral(const std::string& folder);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CLOUD_CLOUD_VERIFIER_H_
