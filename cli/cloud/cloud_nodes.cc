// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/cloud_nodes.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "attestation/policy/appraisal.h"
#include "cli/apply/init_phase.h"
#include "cli/cloud/cloud_status.h"
#include "cli/cloud/cloud_tools.h"
#include "cli/cloud/cloud_verifier.h"
#include "cli/cloud/cluster_request.h"
#include "cli/cluster/policy_builder.h"
#include "cli/exit_code.h"
#include "cli/terminal/interrupt.h"
#include "common/retry.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

using attestation::ClusterState;

constexpr absl::Duration kCloudPollInterval = absl::Seconds(5);
// Confidential machines start slowly, and health checks come after that.
constexpr absl::Duration kCloudPatience = absl::Minutes(30);

// Everything goes through the load balancer: nodes have no public address.
absl::StatusOr<std::string> AddressOf(const State& state, uint16_t port) {
  if (state.infrastructure.cluster_endpoint.empty()) {
    return FailedPrecondition(
        "the load balancer is not there yet; run `constellation apply` without "
        "skipping infrastructure");
  }
  return fmt::format("{}:{}", state.infrastructure.cluster_endpoint, port);
}

// Pins the node in the state file, or refuses one that is not the pinned one.
absl::Status AdmitFirstNode(const Workspace& workspace, State& state,
                            const attestation::Evidence& evidence) {
  const std::string key = AttestationKeyOf(evidence);
  std::string& pinned = state.infrastructure.cloud.first_node_ak;
  if (pinned == key) {
    return absl::OkStatus();
  }
  if (!pinned.empty()) {
    return Unavailable(
        "another node than the one that is becoming the first answered");
  }
  pinned = key;
  return workspace.SaveState(state);
}

// In any order, another one each time: a balancer that takes turns must not
// keep step with us.
std::vector<std::string> Shuffled(std::vector<std::string> names,
                                  const cloud::RandomSource& random) {
  for (size_t left = names.size(); left > 1; --left) {
    const auto pick = static_cast<size_t>(random() * static_cast<double>(left));
    std::swap(names[left - 1], names[std::min(pick, left - 1)]);
  }
  return names;
}

}  // namespace

int WantedNodes(const Config& config) {
  int nodes = 0;
  for (const auto& [name, group] : config.node_groups) {
    nodes += group.initial_count;
  }
  return nodes;
}

// The admission is written to the state before the master secret is sent, so a
// killed run cannot tell a second node the same.
absl::Status InitCloudCluster(const Workspace& workspace, const Config& config,
                              State& state, const MasterSecret& secret,
                              ClusterKeys& keys, ClusterTools& tools) {
  ASSIGN_OR_RETURN(const std::string address, AddressOf(state, kCloudInitPort));
  ASSIGN_OR_RETURN(const attestation::Policy policy, BuildPolicy(state));
  ASSIGN_OR_RETURN(const InitParameters parameters,
                   ParametersFor(config, state, secret, keys, policy, tools));
  const VerifyNode verify = MakeCloudNodeVerifier(
      policy, {ClusterState::None(), ClusterState::MemberOf(keys.cluster_id())},
      tools.cloud->appraise,
      [&workspace, &state](const attestation::Evidence& evidence) {
        return AdmitFirstNode(workspace, state, evidence);
      });
  tools.progress.Begin("Initialising the cluster");
  const absl::Time deadline = tools.clock.Now() + kCloudPatience;
  while (true) {
    absl::StatusOr<InitOutcome> outcome = tools.node_api.Init(
        address, parameters, verify,
        [&tools](std::string_view phase, absl::Duration elapsed) {
          tools.progress.Detail(
              fmt::format("{} ({})", phase, FormatElapsed(elapsed)));
        });
    if (outcome.ok()) {
      RETURN_IF_ERROR(SaveInitOutcome(workspace, kCloudApiServerPort, *outcome,
                                      keys, state));
      tools.progress.Done();
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(CheckInterrupted());
    if (!IsTransient(outcome.status())) {
      return Annotate(outcome.status(), fmt::format("init {}", address));
    }
    if (tools.clock.Now() > deadline) {
      return DeadlineExceeded(fmt::format(
          "no node became a cluster in {}; last: {}{}",
          FormatElapsed(kCloudPatience), Message(outcome.status()),
          state.infrastructure.cloud.first_node_ak.empty()
              ? ". `constellation status --console NODE` shows what nodes do"
              : ". If the node that was to become the first is gone for good: "
                "`constellation terminate`, then apply again"));
    }
    tools.progress.Detail(Message(outcome.status()));
    tools.clock.Sleep(kCloudPollInterval);
  }
}

// Names come from the cloud and only choose what is tried: the key that is sent
// fits one disk alone.
absl::Status FindControlPlanes(const Config& config, const State& state,
                               ClusterTools& tools) {
  ASSIGN_OR_RETURN(
      const CloudStatus status,
      AskCloudStatus(config, state, *tools.cloud, NotFound("not asked")));
  tools.cloud->control_planes.clear();
  for (const cloud::ClusterInstance& instance : status.instances) {
    if (instance.metadata.role == cloud::NodeRole::kControlPlane) {
      tools.cloud->control_planes.push_back(instance.metadata.name);
    }
  }
  return absl::OkStatus();
}

absl::Status RecoverCloudNode(ClusterTools& tools, const State& state,
                              ClusterKeys& keys) {
  ASSIGN_OR_RETURN(const std::string address,
                   AddressOf(state, kCloudRecoveryPort));
  ASSIGN_OR_RETURN(const attestation::Policy policy, BuildPolicy(state));
  const VerifyNode verify = MakeCloudNodeVerifier(
      policy, {ClusterState::None()}, tools.cloud->appraise,
      [](const attestation::Evidence& /*evidence*/) {
        return absl::OkStatus();
      });
  absl::Status last = Unavailable("no control-plane machine is known");
  for (const std::string& name :
       Shuffled(tools.cloud->control_planes, tools.cloud->random)) {
    last = tools.node_api.Recover(
        address, verify,
        [&keys,
         &name](std::string_view disk_uuid) -> absl::StatusOr<RecoveryKeys> {
          ASSIGN_OR_RETURN(RecoveryKeys found, keys.ForDisk(disk_uuid));
          found.node_name = name;
          return found;
        });
    // The node's own word, not our verdict over it: the disk is another's.
    if (!absl::IsPermissionDenied(last) || IsRefusal(last)) {
      return last;
    }
  }
  return absl::IsPermissionDenied(last)
             ? Unavailable(fmt::format("not the node that was meant: {}",
                                       Message(last)))
             : last;
}

// Nobody knows how many wait; `quiet` without an answer ends the search. A node
// that could not be checked waits all the same: that is no success.
absl::StatusOr<int> RecoverCloudNodes(ClusterTools& tools, const State& state,
                                      ClusterKeys& keys, absl::Duration quiet) {
  int recovered = 0;
  absl::Status unchecked;
  absl::Time until = tools.clock.Now() + quiet;
  while (true) {
    const absl::Status status = RecoverCloudNode(tools, state, keys);
    RETURN_IF_ERROR(CheckInterrupted());
    if (status.ok()) {
      ++recovered;
      tools.progress.Note("A node got the key of its state disk.");
      unchecked = absl::OkStatus();
      until = tools.clock.Now() + quiet;
    } else if (IsUnchecked(status)) {
      unchecked = status;
    } else if (!IsTransient(status) && !absl::IsFailedPrecondition(status)) {
      return Annotate(status, "recover");
    }
    if (tools.clock.Now() >= until) {
      RETURN_IF_ERROR(Annotate(unchecked,
                               "a node waits for its key, but could not be "
                               "checked"));
      return recovered;
    }
    tools.clock.Sleep(kCloudPollInterval);
  }
}

}  // namespace constellation::cli
