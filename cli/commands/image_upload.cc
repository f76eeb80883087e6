// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/image_upload.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands/session.h"
#include "cli/commands/table.h"
#include "cli/terminal/table.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// The reference comes from the cloud: shown without control characters.
void ShowUpload(const UploadedImage& image, const CommandContext& context) {
  if (context.output == OutputFormat::kJson) {
    const nlohmann::json object = {
        {"image", image.reference},
        {"sha256", image.sha256},
        {"kubernetesVersion", image.facts.kubernetes_version}};
    context.Print(
        object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
        "\n");
    return;
  }
  context.Print(Printable(image.reference) + "\n");
}

// The config may be a draft: it names provider and project, but no image yet.
// --update-config writes the measurements of the very file that was uploaded,
// so that the policy later demands just this image.
absl::Status RunImageUpload(const Arguments& arguments,
                            CommandContext& context) {
  ASSIGN_OR_RETURN(const auto session, Session::Open(context, true));
  const Workspace& workspace = session->workspace();
  ASSIGN_OR_RETURN(
      const Config config,
      workspace.LoadConfig({.any_place = context.force, .draft = true}));
  const absl::StatusOr<UploadedImage> image = UploadImageFile(
      workspace, config, arguments.Text("PATH").value_or(""),
      arguments.Text("--name").value_or(""),
      arguments.Text("--version").value_or("v" CONSTELLATION_VERSION),
      session->tools());
  if (!image.ok()) {
    session->progress().Failed();
    return image.status();
  }
  if (arguments.Has("--update-config")) {
    RETURN_IF_ERROR(WriteImageToConfig(workspace, *image));
    session->progress().Note(
        fmt::format("Wrote image, version and measurements to {}.",
                    workspace.config_path()));
  }
  ShowUpload(*image, context);
  return absl::OkStatus();
}

}  // namespace

Command ImageUploadCommand() {
  return {.path = {"image", "upload"},
          .help = "Upload a node image to the cloud of the config.",
          .example = "constellation image upload --update-config",
          .flags = {{.name = "--update-config",
                     .help = "Write its id, version and measurements into the "
                             "config."},
                    {.name = "--name",
                     .kind = Flag::Kind::kText,
                     .value_name = "NAME",
                     .help = "Its name there [from its digest]."},
                    {.name = "--version",
                     .kind = Flag::Kind::kText,
                     .value_name = "VERSION",
                     .help = "Its version there [this program's]."}},
          .positionals = {{.name = "PATH",
                           .help = "The image [the newest one built here].",
                           .required = false}},
          .run = RunImageUpload};
}

}  // namespace constellation::cli
