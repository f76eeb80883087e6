// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CLOUD_CLOUD_INFRASTRUCTURE_H_
#define CONSTELLATION_CLI_CLOUD_CLOUD_INFRASTRUCTURE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/cloud/cloud_run.h"
#include "cli/cloud/cloud_tools.h"
#include "cli/cluster/tools.h"
#include "cli/config/config.h"
#include "cli/workspace/state.h"
#include "cli/workspace/workspace.h"

namespace constellation::cli {

// A cloud's plan for a workspace, with what it was made from.
struct CloudPlan {
  std::unique_ptr<CloudConnection> connection;
  cloud::ClusterRequest request;
  std::unique_ptr<CloudRun> run;  // refers to `connection`
  cloud::Plan plan;
};

// Fills in what a cluster without infrastructure needs: uid, init secret, name.
// Nothing is written. FAILED_PRECONDITION if `state` is of another provider or
// name than `config`.
absl::Status PrepareCloudState(const Config& config, State& state);

// Compares what `config` wants with what is there. With `read_only` nothing is
// written, neither in the cloud nor in the workspace. `state` must have been
// prepared. Codes of the provider; INVALID_ARGUMENT lists every wrong field.
absl::StatusOr<CloudPlan> PlanCloud(const Workspace& workspace,
                                    const Config& config, const State& state,
                                    ClusterTools& tools, bool read_only);

// Makes the cloud what `config` wants: plan, approval (CloudTools::approve),
// check, change. `state` is written before the first change and after the last
// one. A run that was stopped anywhere is continued by the next one. Without
// anything to do nobody is asked for approval. FAILED_PRECONDITION if a cluster
// that runs would lose control-plane nodes and EngineOptions::allow_deletion is
// not set.
absl::Status CreateCloudInfrastructure(const Workspace& workspace,
                                       const Config& config, State& state,
                                       ClusterTools& tools);

// Deletes everything of the cluster in its cloud; OK if there is nothing.
// `config` may be a draft: it only says where.
absl::Status RemoveCloudInfrastructure(const Workspace& workspace,
                                       const Config& config, const State& state,
                                       ClusterTools& tools);

// Pins in `state` by what nodes are judged, as `config` says now.
absl::Status TakeOverCloudAttestation(const Workspace& workspace,
                                      const Config& config, State& state);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CLOUD_CLOUD_INFRASTRUCTURE_H_
