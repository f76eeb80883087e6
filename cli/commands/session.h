// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_COMMANDS_SESSION_H_
#define CONSTELLATION_CLI_COMMANDS_SESSION_H_

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "cli/cloud/cloud_tools.h"
#include "cli/cluster/qemu_platform.h"
#include "cli/cluster/tools.h"
#include "cli/command.h"
#include "cli/nodes/grpc_node_api.h"
#include "cli/terminal/progress.h"
#include "cli/workspace/workspace.h"

namespace constellation::cli {

// --offline: CPU vendors are not asked for collateral. The command line puts it
// into CommandContext::offline, which sessions obey.
Flag OfflineFlag();

// The real tools of a command that works on the cluster of a workspace.
// One per command, owned by its Run(); everything that its accessors return
// lives as long as it does. Not thread-safe: a command is one thread, but for
// what the tools start inside.
class Session final {
 public:
  // Opens the workspace; with `exclusive` also takes its lock, for commands
  // that change anything. Handles Ctrl-C from now on.
  // NOT_FOUND if there is no such folder, FAILED_PRECONDITION if it is a file
  // or another command holds the lock, PERMISSION_DENIED if it cannot be
  // written. Neither cloud nor machines are asked anything yet.
  static absl::StatusOr<std::unique_ptr<Session>> Open(
      const CommandContext& context, bool exclusive);

  // Where the files of the cluster lie.
  const Workspace& workspace() const { return workspace_; }
  // Machines on this computer; unused for clusters in a cloud.
  QemuPlatform& platform() { return platform_; }
  // The way to init, recovery and verification services of nodes.
  GrpcNodeApi& node_api() { return node_api_; }
  // What is shown while something is under way.
  Progress& progress() { return *progress_; }
  // All of the above, as Apply() and its kin take it. Refers to this object.
  ClusterTools& tools() { return tools_; }
  // The connection to the cloud's API; made when first needed.
  CloudTools& cloud() { return cloud_; }

 private:
  Session(Workspace workspace, std::optional<WorkspaceLock> lock,
          const std::string& program, const CommandContext& context);

  Workspace workspace_;
  // Held until the command ends, whatever happens to it.
  std::optional<WorkspaceLock> lock_;
  QemuPlatform platform_;
  GrpcNodeApi node_api_;
  std::unique_ptr<Progress> progress_;
  CloudTools cloud_;
  // Last: it refers to those above.
  ClusterTools tools_;
};

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_COMMANDS_SESSION_H_
