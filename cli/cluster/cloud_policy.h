// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CLUSTER_CLOUD_POLICY_H_
#define CONSTELLATION_CLI_CLUSTER_CLOUD_POLICY_H_

#include "absl/status/statusor.h"
#include "attestation/policy/policy.h"
#include "cli/config/config.h"

namespace constellation::cli {

// The profile that `attestation` of a cloud's configuration demands: the
// registers, PCR 8, 12, 13 and 14 zero where nothing else is said, and the
// layers of the variant. Checks its enrolled TPMs as well. Pure.
//
// INVALID_ARGUMENT, with the name of the config key, for what no policy may
// say, and for what is missing; the message tells how to get it. Does not check
// that any machine will meet it.
absl::StatusOr<attestation::Profile> CloudProfileOf(const Config& config);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CLUSTER_CLOUD_POLICY_H_
