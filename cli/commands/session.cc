// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/session.h"

#include <utility>

#include "cli/attestation/collateral_folder.h"
#include "cli/cloud/cloud_verifier.h"
#include "cli/cloud/provider_factory.h"
#include "cli/cluster/cluster_api.h"
#include "cli/image/image_files.h"
#include "cli/terminal/interrupt.h"
#include "common/clock.h"
#include "common/status_macros.h"

namespace constellation::cli {

Flag OfflineFlag() {
  return {.name = "--offline",
          .help =
              "Ask no CPU vendor: only the evidence's own certificates and the "
              "cache."};
}

Session::Session(Workspace workspace, std::optional<WorkspaceLock> lock,
                 const std::string& program, const CommandContext& context)
    // The order is that of the members: later ones refer to earlier ones.
    : workspace_(std::move(workspace)),
      lock_(std::move(lock)),
      platform_(program, workspace_.qemu_folder()),
      progress_(CreateProgress(context.err)),
      cloud_{
          .connect = ConnectRealCloud,
          .connect_iam = ConnectRealIam,
          .appraise = AppraiseWithCollateral(
              {.folder = DefaultCollateralFolder(), .offline = context.offline},
              Clock::System())},
      tools_{platform_,        node_api_,       ConnectKubernetes,
             InspectImageFile, Clock::System(), *progress_,
             &cloud_} {}

absl::StatusOr<std::unique_ptr<Session>> Session::Open(
    const CommandContext& context, bool exclusive) {
  // First of all: from here on Ctrl-C ends calls instead of the process.
  HandleInterrupts();
  ASSIGN_OR_RETURN(Workspace workspace, Workspace::Open(context.workspace));
  ASSIGN_OR_RETURN(const std::string program, OwnProgram());
  std::optional<WorkspaceLock> lock;
  if (exclusive) {
    ASSIGN_OR_RETURN(lock, WorkspaceLock::Take(workspace));
  }
  // make_unique cannot reach the private constructor.
  return std::unique_ptr<Session>(  // NOLINT(cppcoreguidelines-owning-memory)
      new Session(std::move(workspace), std::move(lock), program, context));
}

}  // namespace constellation::cli
