// SPDX-License-Identifier: Apache-2.0
// create, init, apply, mini up, mini down: all of them are `apply` with other
// phases.
#include <fmt/format.h>

#include <cstdlib>
#include <optional>
#include <set>
#include <string>

#include "cli/apply/apply.h"
#include "cli/commands/cloud_approval.h"
#include "cli/commands/confirm.h"
#include "cli/commands/session.h"
#include "cli/commands/table.h"
#include "cli/commands/teardown.h"
#include "cli/config/config.h"
#include "cli/exit_code.h"
#include "cli/terminal/interrupt.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "kubernetes/kubeconfig.h"

namespace constellation::cli {
namespace {

// Flags that several of the commands share.
const Flag kYes = {.name = "--yes",
                   .short_name = "-y",
                   .help = "Do not ask before creating anything."};
const Flag kAllowDeletion = {
    .name = "--allow-deletion",
    .help = "Clouds: delete or replace working things if the plan says so."};
const Flag kMerge = {
    .name = "--merge-kubeconfig",
    .help = "Merge constellation-admin.conf into ~/.kube/config."};

// Merges the cluster's kubeconfig into the user's, keeping a copy of the
// latter.
// The copy is of the last state before a merge: a second merge replaces it. The
// current context is switched to the new cluster.
absl::Status MergeIntoHome(const Workspace& workspace,
                           const CommandContext& context) {
  const char* home = std::getenv("HOME");
  if (home == nullptr) {
    return FailedPrecondition("--merge-kubeconfig: HOME is not set");
  }
  const std::string path = std::string(home) + "/.kube/config";
  ASSIGN_OR_RETURN(const std::string added,
                   ReadFile(workspace.kubeconfig_path()));
  std::string existing;
  if (FileExists(path)) {
    ASSIGN_OR_RETURN(existing, ReadFile(path));
    RETURN_IF_ERROR(
        WriteFileAtomically(path + ".before-constellation", existing));
  }
  ASSIGN_OR_RETURN(
      const std::string merged,
      kubernetes::MergeKubeconfig(existing, added, /*switch_context=*/true));
  RETURN_IF_ERROR(MakeDirectories(std::string(home) + "/.kube"));
  RETURN_IF_ERROR(WriteFileAtomically(path, merged));
  context.Print(fmt::format("Merged the kubeconfig into {}.\n", path));
  return absl::OkStatus();
}

// The services are those of the image, which this program was built with.
// Another version could not be had by writing it into the config: it would only
// lie about what runs. --force turns this into a warning.
absl::Status CheckServiceVersion(const Config& config,
                                 const CommandContext& context) {
  constexpr std::string_view kOwn = "v" CONSTELLATION_VERSION;
  if (config.microservice_version.empty() ||
      config.microservice_version == kOwn) {
    return absl::OkStatus();
  }
  const std::string text = fmt::format(
      "microserviceVersion: want {} (the services that come with this "
      "program) or nothing, got {}",
      kOwn, config.microservice_version);
  if (context.force) {
    context.Warn(text);
    return absl::OkStatus();
  }
  return FailedPrecondition(text + "; --force goes on all the same");
}

// What a person is asked to agree to, for machines on this computer.
std::string PlanText(const Config& config, const std::set<Phase>& skip) {
  std::string text =
      fmt::format("Cluster \"{}\" on this machine:\n", config.name);
  for (const auto& [name, group] : config.node_groups) {
    text +=
        fmt::format("  {} x {} ({}), {} vCPUs, {} MiB, state disk {} GB\n",
                    group.initial_count, name, group.role, config.qemu.vcpus,
                    config.qemu.memory_mib, group.state_disk_size_gb);
  }
  if (!skip.contains(Phase::kInfrastructure)) {
    text += cloud::qemu::AcceleratorSentence() + "\n";
  }
  return text;
}

// The common part of all five commands: reads the config, warns, asks, applies.
// Ctrl-C is not shown as a failure: what was made is recorded, so that the next
// run goes on.
absl::Status RunPhases(Session& session, const std::set<Phase>& skip,
                       const Arguments& arguments,
                       const CommandContext& context) {
  // Read here for the warnings; Apply() reads it again under the same lock.
  const ConfigOptions options = {.any_place = context.force};
  ASSIGN_OR_RETURN(const Config config,
                   session.workspace().LoadConfig(options));
  RETURN_IF_ERROR(CheckServiceVersion(config, context));
  for (const std::string& warning : ConfigWarnings(config)) {
    context.Warn(warning);
  }
  if (config.IsCloud()) {
    // A cloud is asked what is there first; the plan is shown before anything
    // is changed.
    ApproveWith(arguments, context, session.progress(), session.cloud());
  } else {
    std::fputs(PlanText(config, skip).c_str(), context.err);
    if (!arguments.Has("--yes")) {
      RETURN_IF_ERROR(Confirm("Create what is missing?", context));
    }
  }
  const absl::Status status =
      Apply(session.workspace(), skip, session.tools(), options);
  if (!status.ok()) {
    session.progress().Failed();
    if (Interrupted()) {
      session.progress().Note(
          "Stopped. What was made stays; `constellation apply` continues, "
          "`constellation terminate` removes it.");
      return InterruptedStatus();
    }
    return status;
  }
  if (arguments.Has("--merge-kubeconfig")) {
    RETURN_IF_ERROR(MergeIntoHome(session.workspace(), context));
  }
  return absl::OkStatus();
}

// Callers make sure that the kubeconfig that it names exists.
void PrintNextSteps(const Session& session, const CommandContext& context) {
  context.Print(fmt::format(
      "\nThe cluster is ready.\n"
      "  export KUBECONFIG={}\n"
      "  kubectl get nodes\n"
      "  constellation -C {} verify\n",
      session.workspace().kubeconfig_path(), session.workspace().folder()));
}

// Phase names are checked before the workspace is locked: a misspelt one is a
// usage error (exit code 64) and changes nothing.
absl::Status RunApply(const Arguments& arguments, CommandContext& context) {
  std::set<Phase> skip;
  for (const std::string& name : arguments.List("--skip-phases")) {
    const absl::StatusOr<Phase> phase = ParsePhase(name);
    if (!phase.ok()) {
      return AsUsageError(phase.status());
    }
    skip.insert(*phase);
  }
  ASSIGN_OR_RETURN(const auto session, Session::Open(context, true));
  RETURN_IF_ERROR(RunPhases(*session, skip, arguments, context));
  if (FileExists(session->workspace().kubeconfig_path())) {
    PrintNextSteps(*session, context);
  }
  return absl::OkStatus();
}

// Machines only. They wait for `init` and hold no secret until then.
absl::Status RunCreate(const Arguments& arguments, CommandContext& context) {
  ASSIGN_OR_RETURN(const auto session, Session::Open(context, true));
  RETURN_IF_ERROR(RunPhases(
      *session, {Phase::kInit, Phase::kAttestationConfig, Phase::kNodes},
      arguments, context));
  context.Print("The machines run. Next: constellation init\n");
  return absl::OkStatus();
}

absl::Status RunInit(const Arguments& arguments, CommandContext& context) {
  ASSIGN_OR_RETURN(const auto session, Session::Open(context, true));
  Arguments confirmed = arguments;
  confirmed.SetSwitch("--yes");  // init creates no machines
  RETURN_IF_ERROR(
      RunPhases(*session, {Phase::kInfrastructure}, confirmed, context));
  PrintNextSteps(*session, context);
  return absl::OkStatus();
}

// Whoever names another image than the config would otherwise get the old one,
// or its error, again and again.
absl::Status CheckMiniImage(const Workspace& workspace,
                            const std::optional<std::string>& image) {
  if (!image.has_value()) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const Config config, workspace.LoadConfig());
  return config.image == *image
             ? absl::OkStatus()
             : FailedPrecondition(fmt::format(
                   "--image: {} is there and names \"{}\"; change it there, or "
                   "remove the cluster first: constellation mini down",
                   workspace.config_path(), config.image));
}

// A config that is there is used as it is: `mini up` in the workspace of
// another cluster would otherwise replace what its owner wrote. The file is
// made exclusively, so two runs at once cannot mix theirs.
absl::Status RunMiniUp(const Arguments& arguments, CommandContext& context) {
  ASSIGN_OR_RETURN(const auto session, Session::Open(context, true));
  const Workspace& workspace = session->workspace();
  RETURN_IF_ERROR(workspace.CheckWritable());
  if (!FileExists(workspace.config_path())) {
    Config config = DefaultMiniConfig();
    config.image = arguments.Text("--image").value_or("");
    RETURN_IF_ERROR(
        CreateFileExclusively(workspace.config_path(), RenderConfig(config)));
  } else {
    RETURN_IF_ERROR(CheckMiniImage(workspace, arguments.Text("--image")));
  }
  Arguments confirmed = arguments;
  confirmed.SetSwitch("--yes");
  RETURN_IF_ERROR(RunPhases(*session, {}, confirmed, context));
  PrintNextSteps(*session, context);
  return absl::OkStatus();
}

// Refuses clusters that have another name than "mini": the command asks no
// name, and a typing error must not remove a real cluster.
absl::Status RunMiniDown(const Arguments& arguments, CommandContext& context) {
  ASSIGN_OR_RETURN(const auto session, Session::Open(context, true));
  if (FileExists(session->workspace().config_path())) {
    ASSIGN_OR_RETURN(const Config config, session->workspace().LoadConfig());
    if (config.name != "mini") {
      return FailedPrecondition(fmt::format(
          "cluster \"{}\" was not made by `mini up`; use: constellation "
          "terminate",
          config.name));
    }
  }
  return TearDown(*session, arguments.Has("--yes"), context);
}

}  // namespace

Command CreateCommand() {
  return {.path = {"create"},
          .help = "Create the machines of the cluster.",
          .example = "constellation create -y",
          .flags = {kYes, kAllowDeletion},
          .run = RunCreate};
}

Command InitCommand() {
  return {.path = {"init"},
          .help = "Make the machines a cluster.",
          .example = "constellation init --merge-kubeconfig",
          .flags = {kMerge, OfflineFlag()},
          .run = RunInit};
}

Command ApplyCommand() {
  return {
      .path = {"apply"},
      .help = "Do whatever is missing for the configured cluster.",
      .example = "constellation apply -y --skip-phases nodes",
      .flags = {kYes,
                kAllowDeletion,
                kMerge,
                OfflineFlag(),
                {.name = "--skip-phases",
                 .kind = Flag::Kind::kList,
                 .value_name = "PHASES",
                 .help = "infrastructure, init, attestationconfig, nodes."}},
      .run = RunApply};
}

Command MiniUpCommand() {
  return {
      .path = {"mini", "up"},
      .help = "Create a small local cluster with one command.",
      .example = "constellation -C ~/mini mini up",
      .flags = {kMerge,
                {.name = "--image",
                 .kind = Flag::Kind::kText,
                 .value_name = "PATH",
                 .help = "Node image; default: the newest one built here."}},
      .run = RunMiniUp};
}

Command MiniDownCommand() {
  return {.path = {"mini", "down"},
          .help = "Remove the small local cluster.",
          .example = "constellation -C ~/mini mini down -y",
          .flags = {{.name = "--yes",
                     .short_name = "-y",
                     .help = "Do not ask before removing anything."}},
          .run = RunMiniDown};
}

}  // namespace constellation::cli
