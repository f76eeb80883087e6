// SPDX-License-Identifier: Apache-2.0
// iam create, iam destroy.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/cloud/iam.h"
#include "cli/commands/cloud_approval.h"
#include "cli/commands/confirm.h"
#include "cli/commands/session.h"
#include "cli/commands/table.h"
#include "cli/exit_code.h"
#include "cli/terminal/interrupt.h"
#include "cli/terminal/table.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// Flags with a value, the original's names.
// The one list of what may be asked for: RequestOf() reads just these.
std::vector<Flag> ValueFlags() {
  const auto text = [](const char* name, const char* value, const char* help) {
    return Flag{.name = name,
                .kind = Flag::Kind::kText,
                .value_name = value,
                .help = help};
  };
  return {
      text("--prefix", "NAME", "aws, gcp: begins the identities' names."),
      text("--zone", "ZONE", "aws, gcp: zone of the cluster, e.g. eu-west-1a."),
      text("--projectID", "ID", "gcp: project."),
      text("--resourceGroup", "NAME", "azure: group to make for the cluster."),
      text("--region", "LOCATION", "azure: location, e.g. westeurope."),
      text("--servicePrincipal", "NAME", "azure: name of the identity."),
      text("--subscriptionID", "ID", "azure: subscription [az's default].")};
}

// Options by flag name without "--". Which of them a provider needs is checked
// by IamSettingsOf().
IamRequest RequestOf(const Arguments& arguments) {
  IamRequest request;
  request.provider = arguments.Text("PROVIDER").value_or("");
  for (const Flag& flag : ValueFlags()) {
    if (const auto value = arguments.Text(flag.name)) {
      request.options[flag.name.substr(2)] = *value;
    }
  }
  return request;
}

// Changes the values in the text, so that comments and order of the owner's
// file stay. Written atomically.
absl::Status UpdateConfig(const Workspace& workspace, const IamResult& result) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(workspace.config_path()));
  ASSIGN_OR_RETURN(const std::string updated,
                   UpdateConfigText(text, result.config_values));
  return WriteFileAtomically(workspace.config_path(), updated);
}

// Keys themselves are never printed, only where their files lie.
void Show(const IamResult& result, const CommandContext& context) {
  if (context.output == OutputFormat::kJson) {
    const nlohmann::json object = {{"config", result.config_values},
                                   {"keyFiles", result.key_files}};
    context.Print(
        object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
        "\n");
    return;
  }
  Table table({"CONFIG KEY", "VALUE"});
  for (const auto& [key, value] : result.config_values) {
    table.AddRow({key, value});
  }
  context.Print(table.Render());
  for (const std::string& path : result.key_files) {
    context.Print(fmt::format("Wrote the key {}: keep it private.\n", path));
  }
}

// A stop by Ctrl-C is not an error of the cloud.
absl::Status Ended(Session& session, const absl::Status& status) {
  session.progress().Failed();
  if (Interrupted()) {
    session.progress().Note(
        "Stopped. What was made is recorded; the same command goes on, "
        "`constellation iam destroy` removes it.");
    return InterruptedStatus();
  }
  return status;
}

// All that can be wrong locally is found before the first call of the cloud's
// API: half-made identities are hard to explain.
absl::Status RunIamCreate(const Arguments& arguments, CommandContext& context) {
  const IamRequest request = RequestOf(arguments);
  // What is wrong with the flags is a usage error, told before the lock is
  // taken.
  if (const absl::Status valid = IamSettingsOf(request).status(); !valid.ok()) {
    return AsUsageError(valid);
  }
  ASSIGN_OR_RETURN(const auto session, Session::Open(context, true));
  const Workspace& workspace = session->workspace();
  if (arguments.Has("--update-config")) {
    // Before anything is made: the file must be there and be of this provider.
    ASSIGN_OR_RETURN(const Config config,
                     workspace.LoadConfig({.any_place = true, .draft = true}));
    if (config.provider != request.provider) {
      return FailedPrecondition(fmt::format(
          "--update-config: {} is for {}, not {}", workspace.config_path(),
          config.provider, request.provider));
    }
  }
  ApproveWith(arguments, context, session->progress(), session->cloud());
  const absl::StatusOr<IamResult> result =
      CreateIam(workspace, request, session->tools());
  if (!result.ok()) {
    return Ended(*session, result.status());
  }
  if (arguments.Has("--update-config")) {
    RETURN_IF_ERROR(UpdateConfig(workspace, *result));
    session->progress().Note(
        fmt::format("Wrote them to {}.", workspace.config_path()));
  }
  Show(*result, context);
  return absl::OkStatus();
}

// What to delete is taken from the workspace's note of `iam create`, never from
// flags: a wrong name must not delete somebody else's identity. PROVIDER is a
// second opinion only.
absl::Status RunDestroy(const Arguments& arguments, CommandContext& context) {
  ASSIGN_OR_RETURN(const auto session, Session::Open(context, true));
  const Workspace& workspace = session->workspace();
  ASSIGN_OR_RETURN(const IamRequest request, LoadIamRequest(workspace));
  const std::string provider = arguments.Text("PROVIDER").value_or("");
  if (!provider.empty() && provider != request.provider) {
    return FailedPrecondition(
        fmt::format("the identities noted in {} are of {}, not of {}",
                    workspace.folder(), request.provider, provider));
  }
  if (!arguments.Has("--yes")) {
    RETURN_IF_ERROR(
        Confirm(fmt::format("Delete the identities that `iam create {}` made?",
                            request.provider),
                context));
  }
  session->progress().Begin("Deleting identities");
  const absl::Status status = DestroyIam(workspace, session->tools());
  if (!status.ok()) {
    return Ended(*session, status);
  }
  session->progress().Done();
  return absl::OkStatus();
}

}  // namespace

Command IamCreateCommand() {
  std::vector<Flag> flags = {{.name = "--yes",
                              .short_name = "-y",
                              .help = "Do not ask before creating anything."},
                             {.name = "--update-config",
                              .help = "Write what the config needs into it."}};
  for (Flag& flag : ValueFlags()) {
    flags.push_back(std::move(flag));
  }
  return {.path = {"iam", "create"},
          .help = "Create least-privilege identities for a cluster's nodes.",
          .example =
              "constellation iam create aws --prefix demo --zone "
              "eu-west-1a --update-config",
          .flags = std::move(flags),
          .positionals = {{.name = "PROVIDER",
                           .help = "aws, azure or gcp.",
                           .choices = {"aws", "azure", "gcp"}}},
          .run = RunIamCreate};
}

Command IamDestroyCommand() {
  return {.path = {"iam", "destroy"},
          .help = "Delete the identities that iam create made.",
          .example = "constellation iam destroy -y",
          .flags = {{.name = "--yes",
                     .short_name = "-y",
                     .help = "Do not ask before deleting anything."}},
          .positionals = {{.name = "PROVIDER",
                           .help = "aws, azure or gcp [the one that is noted].",
                           .required = false,
                           .choices = {"aws", "azure", "gcp"}}},
          .run = RunDestroy};
}

}  // namespace constellation::cli
