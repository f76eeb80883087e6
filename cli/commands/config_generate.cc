// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <optional>
#include <string>

#include "cli/commands/table.h"
#include "cli/config/cloud_catalog.h"
#include "cli/config/config.h"
#include "cli/exit_code.h"
#include "cli/workspace/workspace.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// The configuration for the named provider. A usage error for a variant that
// it does not have.
// STACKIT is an OpenStack with other flavors: it has the same section and the
// same variants.
absl::StatusOr<Config> DefaultConfig(const std::string& provider,
                                     const std::optional<std::string>& word) {
  const std::string section = provider == "stackit" ? "openstack" : provider;
  const CloudVariant* variant =
      FindCloudVariant(word ? *word : DefaultVariant(section));
  if (variant == nullptr || !VariantFits(*variant, section)) {
    std::string known;
    for (const CloudVariant& one : CloudVariants()) {
      if (VariantFits(one, section)) {
        known += (known.empty() ? "" : ", ") + std::string(one.variant);
      }
    }
    return AsUsageError(InvalidArgument(
        fmt::format("--attestation: want one of {} for {}, got \"{}\"", known,
                    provider, word.value_or(""))));
  }
  return provider == kProviderQemu
             ? DefaultQemuConfig()
             : DefaultCloudConfig(provider, variant->variant);
}

// "key=value"; the value may be empty or hold further "=". What a cloud allows
// in a tag is checked when the config is parsed.
absl::Status AddTags(const Arguments& arguments, Config& config) {
  for (const std::string& tag : arguments.List("--tags")) {
    const size_t equals = tag.find('=');
    if (equals == std::string::npos || equals == 0) {
      return AsUsageError(InvalidArgument(
          fmt::format("--tags: want key=value, got \"{}\"", tag)));
    }
    config.tags[tag.substr(0, equals)] = tag.substr(equals + 1);
  }
  return absl::OkStatus();
}

// What to do next, by provider.
std::string NextSteps(const std::string& provider) {
  if (provider == kProviderQemu) {
    return "Next: constellation apply\n";
  }
  const bool has_iam = provider != "openstack" && provider != "stackit";
  return fmt::format(
      "Next: fill in what is empty (allowedSources: your own public address), "
      "{}\n"
      "constellation image upload --update-config, constellation plan, "
      "constellation apply\n",
      has_iam ? fmt::format("constellation iam create {} --update-config,",
                            provider)
              : "then");
}

// Never overwrites: a config that exists holds somebody's decisions.
absl::Status RunConfigGenerate(const Arguments& arguments,
                               CommandContext& context) {
  ASSIGN_OR_RETURN(const Workspace workspace,
                   Workspace::Open(context.workspace));
  RETURN_IF_ERROR(workspace.CheckWritable());
  const std::string provider = arguments.Text("PROVIDER").value_or("qemu");
  ASSIGN_OR_RETURN(Config config,
                   DefaultConfig(provider, arguments.Text("--attestation")));
  config.image = arguments.Text("--image").value_or("");
  config.kubernetes_version = arguments.Text("--kubernetes").value_or("");
  RETURN_IF_ERROR(AddTags(arguments, config));
  const std::string text = RenderConfig(config);
  // A bad value given here must not make a file that no command accepts.
  RETURN_IF_ERROR(
      ParseConfig(text, "the new configuration", {.draft = true}).status());
  const absl::Status written =
      CreateFileExclusively(workspace.config_path(), text);
  if (absl::IsAlreadyExists(written)) {
    return AlreadyExists(
        fmt::format("{} exists already; edit it, or remove it first",
                    workspace.config_path()));
  }
  // From here on the file is the user's.
  RETURN_IF_ERROR(written);
  context.Print(fmt::format("Wrote {}.\n{}", workspace.config_path(),
                            NextSteps(provider)));
  return absl::OkStatus();
}

}  // namespace

Command ConfigGenerateCommand() {
  return {.path = {"config", "generate"},
          .help = "Write constellation-conf.yaml with sensible values.",
          .example = "constellation config generate azure -a azure-tdx",
          .flags = {{.name = "--image",
                     .kind = Flag::Kind::kText,
                     .value_name = "PATH",
                     .help = "Node image: a path, or the cloud's id of it."},
                    {.name = "--kubernetes",
                     .short_name = "-k",
                     .kind = Flag::Kind::kText,
                     .value_name = "VERSION",
                     .help = "Kubernetes version; must be the image's."},
                    {.name = "--attestation",
                     .short_name = "-a",
                     .kind = Flag::Kind::kText,
                     .value_name = "VARIANT",
                     .help = "How nodes prove what they run, e.g. azure-tdx."},
                    {.name = "--tags",
                     .short_name = "-t",
                     .kind = Flag::Kind::kList,
                     .value_name = "KEY=VALUE",
                     .help = "Labels of the infrastructure."}},
          .positionals = {{.name = "PROVIDER",
                           .help = "Where the nodes shall run: aws, azure, "
                                   "gcp, openstack, stackit or qemu.",
                           .choices = {"aws", "azure", "gcp", "openstack",
                                       "stackit", "qemu"}}},
          .run = RunConfigGenerate};
}

}  // namespace constellation::cli
