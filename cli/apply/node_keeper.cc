// SPDX-License-Identifier: Apache-2.0
#include "cli/apply/node_keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "cli/cloud/cloud_nodes.h"
#include "cli/cluster/recovery.h"
#include "cli/exit_code.h"
#include "cli/nodes/boot_status.h"
#include "common/retry.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

using cloud::qemu::ClusterStatus;
using cloud::qemu::NodeStatus;
using cloud::qemu::PowerState;

// A machine that goes off so often has a cause that starting does not cure.
constexpr int kMaxRestarts = 5;
// A load balancer that leads to nobody may let a caller wait.
constexpr absl::Duration kRecoveryInterval = absl::Seconds(30);

}  // namespace

absl::StatusOr<ClusterStatus> NodeKeeper::Status() {
  absl::StatusOr<ClusterStatus> status = tools_.platform.Status();
  if (status.ok() || !absl::IsUnavailable(status.status())) {
    return status;
  }
  // The supervisor died; a new one adopts the VMs that still run.
  RETURN_IF_ERROR(tools_.platform.OpenExisting());
  return tools_.platform.Status();
}

// Machines go off when the guest reboots after giving up, too; that is the
// usual way back.
absl::Status NodeKeeper::Restart(const NodeStatus& node) {
  const std::string& name = node.spec.name;
  if (++restarts_[name] > kMaxRestarts) {
    return FailedPrecondition(fmt::format(
        "node {} went off {} times; last: {}. Its log: {}", name, kMaxRestarts,
        node.last_exit.empty() ? "reason unknown" : node.last_exit,
        node.serial_log));
  }
  tools_.progress.Note(fmt::format(
      "Node {} is off{}; starting it.", name,
      node.last_exit.empty() ? "" : fmt::format(" ({})", node.last_exit)));
  return tools_.platform.StartNode(name);
}

// Sends the key only to the enrolled machine on an accepted image; what the
// node said about itself merely made us ask.
absl::Status NodeKeeper::GiveKey(const StateNode& node) {
  const absl::Status status = RecoverNode(tools_, state_, node, keys_);
  if (status.ok()) {
    tools_.progress.Note(fmt::format(
        "Node {} waited for its disk's key and got it.", node.name));
    return status;
  }
  // Not there (yet), or it got its key from the cluster meanwhile.
  if (IsTransient(status) || absl::IsFailedPrecondition(status)) {
    return absl::OkStatus();
  }
  return Annotate(status, fmt::format("recover node {}", node.name));
}

void NodeKeeper::NoteFailure(const std::string& node, const std::string& text) {
  std::string& last = failures_[node];
  if (last != text) {
    last = text;
    tools_.progress.Note(fmt::format("Node {} reports: {}", node, text));
  }
}

// Machines in a cloud start themselves; what only the owner can give them is
// the key of a disk, when no control plane is up to give it.
absl::Status NodeKeeper::TendCloud() {
  if (tools_.clock.Now() < next_recovery_) {
    return absl::OkStatus();
  }
  const absl::Status status = RecoverCloudNode(tools_, state_, keys_);
  next_recovery_ = tools_.clock.Now() + kRecoveryInterval;
  if (status.ok()) {
    tools_.progress.Note("A node waited for its disk's key and got it.");
    return status;
  }
  if (IsTransient(status) || absl::IsFailedPrecondition(status)) {
    return absl::OkStatus();
  }
  return Annotate(status, "recover a node");
}

// Boot status comes from the guest: shown, used as a hint, never believed.
absl::Status NodeKeeper::Tend() {
  if (state_.IsCloud()) {
    return TendCloud();
  }
  ASSIGN_OR_RETURN(const ClusterStatus cluster, Status());
  time_scale_ = std::max(1U, cluster.time_scale);
  std::string detail;
  for (const NodeStatus& node : cluster.nodes) {
    const StateNode* known = state_.FindNode(node.spec.name);
    if (known == nullptr) {
      continue;
    }
    if (node.state == PowerState::kStopped) {
      RETURN_IF_ERROR(Restart(node));
      continue;
    }
    const std::optional<BootStatus> boot = ParseBootStatus(node.boot_status);
    if (!detail.empty()) {
      detail += " | ";
    }
    detail += fmt::format(
        "{}: {}", node.spec.name,
        boot ? fmt::format("{} {}{}", boot->component, boot->phase,
                           boot->state == "running" || boot->state.empty()
                               ? ""
                               : " " + boot->state)
             : "firmware, kernel");
    if (boot && boot->IsFailed()) {
      NoteFailure(node.spec.name, boot->Describe());
    }
    if (boot && boot->WaitsForKey()) {
      RETURN_IF_ERROR(GiveKey(*known));
    }
  }
  tools_.progress.Detail(detail);
  return absl::OkStatus();
}

}  // namespace constellation::cli
