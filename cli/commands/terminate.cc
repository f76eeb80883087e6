// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/cloud/cloud_infrastructure.h"
#include "cli/commands/confirm.h"
#include "cli/commands/table.h"
#include "cli/commands/teardown.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// A file that is not there is removed already.
absl::Status RemoveFile(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, "remove", path);
  }
  return absl::OkStatus();
}

// What is known of a cluster in a cloud: the state file, or if that was lost or
// damaged the journal, which names the cluster, too. Empty if there is neither.
absl::StatusOr<State> LoadCloudState(const Workspace& workspace) {
  const absl::StatusOr<State> loaded = workspace.LoadStateOrEmpty();
  if (!FileExists(workspace.cloud_journal_path())) {
    const auto config =
        workspace.LoadConfig({.any_place = true, .draft = true});
    // A damaged file of the local platform keeps nobody from removing it; one
    // on a disk that is not mounted may tell of a cloud.
    return loaded.ok() || absl::IsFailedPrecondition(loaded.status()) ||
                   (config.ok() && config->IsCloud())
               ? loaded
               : State{};
  }
  if (loaded.ok() && loaded->HasInfrastructure()) {
    return loaded;
  }
  State state;
  ASSIGN_OR_RETURN(const std::string journal,
                   ReadFile(workspace.cloud_journal_path()));
  // The first line names the cluster; the rest of the journal is the engine's.
  const auto header =
      nlohmann::json::parse(journal.substr(0, journal.find('\n')), nullptr,
                            /*allow_exceptions=*/false);
  for (const auto& [key, target] :
       {std::pair{"uid", &state.infrastructure.uid},
        std::pair{"name", &state.infrastructure.name},
        std::pair{"cloud", &state.infrastructure.cloud.provider}}) {
    if (!header.is_object() || !header.contains(key) ||
        !header[key].is_string()) {
      return DataLoss(fmt::format(
          "{} is damaged and there is no state file: nothing says which "
          "cluster this is. Its resources carry the tag constellation-uid",
          workspace.cloud_journal_path()));
    }
    *target = header[key].get<std::string>();
  }
  return state;
}

// In order, up to the first that cannot be removed.
absl::Status RemoveFiles(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    RETURN_IF_ERROR(RemoveFile(path));
  }
  return absl::OkStatus();
}

// The secret outlives the cluster on purpose: it is the only way to read disks
// that were copied or backed up.
void TellOfMasterSecret(const Workspace& workspace,
                        const CommandContext& context) {
  if (FileExists(workspace.master_secret_path())) {
    context.Print(fmt::format(
        "Kept the master secret {}: remove it yourself once no disk or backup "
        "needs it.\n",
        workspace.master_secret_path()));
  }
}

// The config stays: it holds what `iam create` and `image upload` wrote.
// State and kubeconfig go last: after an error they must still say what is left
// to be deleted.
absl::Status TearDownCloud(Session& session, const State& state, bool confirmed,
                           const CommandContext& context) {
  const Workspace& workspace = session.workspace();
  ASSIGN_OR_RETURN(const Config config,
                   workspace.LoadConfig({.any_place = true, .draft = true}));
  if (!confirmed) {
    RETURN_IF_ERROR(Confirm(
        fmt::format("Delete everything of cluster \"{}\" ({}) on {}, with "
                    "all its data?",
                    state.infrastructure.name, state.infrastructure.uid,
                    state.infrastructure.cloud.provider),
        context));
  }
  session.progress().Begin("Deleting everything of the cluster");
  const absl::Status removed =
      RemoveCloudInfrastructure(workspace, config, state, session.tools());
  if (!removed.ok()) {
    session.progress().Failed();
    session.progress().Note(
        "What is left stays recorded; `constellation terminate` goes on.");
    return removed;
  }
  RETURN_IF_ERROR(
      RemoveFiles({workspace.kubeconfig_path(), workspace.state_path()}));
  session.progress().Done();
  TellOfMasterSecret(workspace, context);
  return absl::OkStatus();
}

}  // namespace

absl::Status TearDown(Session& session, bool confirmed,
                      const CommandContext& context) {
  const Workspace& workspace = session.workspace();
  ASSIGN_OR_RETURN(const State state, LoadCloudState(workspace));
  if (state.IsCloud()) {
    return TearDownCloud(session, state, confirmed, context);
  }
  if (!confirmed) {
    RETURN_IF_ERROR(
        Confirm(fmt::format("Remove the cluster in {} with all its data?",
                            workspace.folder()),
                context));
  }
  session.progress().Begin("Removing the cluster");
  // Works without a readable config or state: the folder of the platform says
  // which processes and disks there are.
  const absl::Status removed = session.platform().Remove();
  if (!removed.ok()) {
    session.progress().Failed();
    return removed;
  }
  RETURN_IF_ERROR(
      RemoveFiles({workspace.kubeconfig_path(), workspace.state_path(),
                   workspace.config_path()}));
  session.progress().Done();
  TellOfMasterSecret(workspace, context);
  return absl::OkStatus();
}

namespace {

absl::Status RunTerminate(const Arguments& arguments, CommandContext& context) {
  ASSIGN_OR_RETURN(const auto session, Session::Open(context, true));
  return TearDown(*session, arguments.Has("--yes"), context);
}

}  // namespace

Command TerminateCommand() {
  return {.path = {"terminate"},
          .help =
              "Remove the cluster; only the master secret (clouds: the "
              "config, too) stays.",
          .example = "constellation terminate -y",
          .flags = {{.name = "--yes",
                     .short_name = "-y",
                     .help = "Do not ask before removing anything."}},
          .run = RunTerminate};
}

}  // namespace constellation::cli
