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

// The real tools of a command that works on the cluster of a workspace.
class Session final {
 public:
  // Opens the workspace; with `exclusive` also takes its lock, for commands
  // that change anything. Handles Ctrl-C from now on.
  static absl::StatusOr<std::unique_ptr<Session>> Open(
      const CommandContext& context, bool exclusive);

  const Workspace& workspace() const { return workspace_; }
  QemuPlatform& platform() { return platform_; }
  GrpcNodeApi& node_api() { return node_api_; }
  Progress& progress() { return *progress_; }
  ClusterTools& tools() { return tools_; }
  CloudTools& cloud() { return cloud_; }

 private:
  Session(Workspace workspace, std::optional<WorkspaceLock> lock,
          const std::string& program, std::FILE* err);

  Workspace workspace_;
  std::optional<WorkspaceLock> lock_;
  QemuPlatform platform_;
  GrpcNodeApi node_api_;
  std::unique_ptr<Progress> progress_;
  CloudTools cloud_;
  ClusterTools tools_;
};

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_COMMANDS_SESSION_H_
