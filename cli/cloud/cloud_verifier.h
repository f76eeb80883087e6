// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CLOUD_CLOUD_VERIFIER_H_
#define CONSTELLATION_CLI_CLOUD_CLOUD_VERIFIER_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "attestation/collateral/evidence_collateral.h"
#include "attestation/policy/appraisal.h"
#include "attestation/policy/policy.h"
#include "cli/cloud/cloud_tools.h"
#include "cli/nodes/node_api.h"
#include "common/clock.h"

namespace constellation::cli {

// SHA-256 of the attestation key in `evidence`, hex: which TPM it is.
std::string AttestationKeyOf(const attestation::Evidence& evidence);

// Marks `status` (not OK) as the outcome of a check that could not be made for
// want of collateral; IsUnchecked() tells, by whatever it was annotated since.
absl::Status AsUnchecked(absl::Status status);
bool IsUnchecked(const absl::Status& status);

// A check that what answers behind a load balancer is a machine that `policy`
// accepts, with PCR15 in one of the `accepted` states; then `admit` is asked,
// whose error ends the call before anything secret is sent. Anything else is a
// refusal, except that what IsUnchecked() or is UNAVAILABLE stays what it is.
// `appraise` must outlive the result.
VerifyNode MakeCloudNodeVerifier(
    attestation::Policy policy, std::vector<attestation::ClusterState> accepted,
    const AppraiseCloudNode& appraise,
    std::function<absl::Status(const attestation::Evidence&)> admit);

// The real AppraiseCloudNode: Appraise() with collateral from the evidence, the
// cache in `setup.folder` (empty: none), and the vendors, unless
// `setup.offline`. `clock` must outlive the result.
//
// PERMISSION_DENIED naming every failed check. Where only collateral that could
// not be had is in the way, IsUnchecked(): UNAVAILABLE if trying again may
// help, FAILED_PRECONDITION if nothing may be fetched; both say what is missing
// and what to do.
AppraiseCloudNode AppraiseWithCollateral(attestation::CollateralSetup setup,
                                         Clock& clock);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CLOUD_CLOUD_VERIFIER_H_
