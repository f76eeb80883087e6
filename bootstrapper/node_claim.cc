// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/node_claim.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::bootstrapper {
namespace {

constexpr absl::Duration kDelayBeforeReboot = absl::Seconds(10);

}  // namespace

// PCR15 comes after the disk: from then on evidence of this boot names the
// cluster, and no other cluster will take the node.
absl::Status ClaimNode(const Node& node, const NodeClaim& claim,
                       const PhaseObserver& begin) {
  if (claim.holder == NodeLock::Holder::kNone ||
      node.lock.holder() != claim.holder) {
    return FailedPrecondition("claim node: want the node lock held");
  }
  begin("format-state-disk");
  RETURN_IF_ERROR(
      node.commands.FormatStateDisk(claim.disk_uuid, claim.state_disk_key));
  begin("mark-member");
  RETURN_IF_ERROR(node.mark.Mark(claim.state.cluster_id));
  RETURN_IF_ERROR(MakeDirectories(node.paths.State()));
  return WriteFileAtomically(node.paths.NodeState(),
                             NodeStateToJson(claim.state));
}

absl::Status CommitNode(const Node& node, const PhaseObserver& begin) {
  begin("commit");
  RETURN_IF_ERROR(node.commands.CommitStateDisk());
  return node.lock.MarkCommitted();
}

// Errors are only logged: there is nobody left who could act on them.
void GiveUpNode(const Node& node, const absl::Status& why) {
  spdlog::error("event=giving-up error=\"{}\"", Message(why));
  node.status.Report("give-up", cloud::BootState::kFailed,
                     fmt::format("{}; rebooting", Message(why)));
  if (const absl::Status reset = node.commands.ResetStateDisk(); !reset.ok()) {
    // Harmless: without commit the disk carries no label.
    spdlog::error("event=reset-failed error=\"{}\"", Message(reset));
  }
  node.status.Flush(kDelayBeforeReboot);
  node.clock.Sleep(kDelayBeforeReboot);
  if (const absl::Status reboot = node.commands.Reboot(); !reboot.ok()) {
    spdlog::error("event=reboot-failed error=\"{}\"", Message(reboot));
  }
}

}  // namespace constellation::bootstrapper
