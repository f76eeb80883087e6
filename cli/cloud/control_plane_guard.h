// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CLOUD_CONTROL_PLANE_GUARD_H_
#define CONSTELLATION_CLI_CLOUD_CONTROL_PLANE_GUARD_H_

#include <string>

#include "absl/status/statusor.h"
#include "cloud/engine/plan.h"
#include "cloud/provider.h"

namespace constellation::cli {

// What `plan` takes from the control plane of a cluster that runs, for people;
// empty if nothing. A scale set that shrinks, or is made anew, takes its
// machines' members of etcd along without removing them, and etcd goes on
// counting them: a cluster without a majority is lost.
//
// Compares the machines that the cloud shows now with `request`, group by
// group; a plan that only creates is not asked about. It does not know which
// members etcd has: whoever removed them before is told, too. Codes of
// Provider::Instances().
absl::StatusOr<std::string> ControlPlaneLoss(
    const cloud::Plan& plan, const cloud::ClusterRequest& request,
    cloud::Provider& provider);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CLOUD_CONTROL_PLANE_GUARD_H_
