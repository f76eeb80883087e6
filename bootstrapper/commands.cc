// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/commands.h"

#include <fmt/format.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "bootstrapper/bootstrapper.h"
#include "bootstrapper/pod_network_agent.h"
#include "cloud/boot_status.h"
#include "cloud/metadata_factory.h"
#include "common/command.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::bootstrapper {
namespace {

// What the command line says, for both commands.
struct Settings {
  BootstrapperOptions options;
  cloud::MetadataFactoryOptions metadata;
};

// Pairs of name and value only. An image starts the program without any.
absl::StatusOr<Settings> ParseSettings(std::span<char* const> arguments) {
  Settings settings;
  attestation::NodeAttesterOptions& attester = settings.options.attester;
  const std::map<std::string_view, std::string*> names = {
      {"--root", &settings.options.root},
      {"--tcti", &attester.paths.tcti},
      {"--event-log", &attester.paths.event_log},
      {"--variant", &attester.variant},
      {"--listen", &settings.options.listen_address},
      {"--metadata-socket", &settings.metadata.qemu_metadata_socket}};
  for (size_t i = 0; i < arguments.size(); i += 2) {
    const auto setting = names.find(arguments[i]);
    if (setting == names.end() || i + 1 == arguments.size()) {
      return InvalidArgument(fmt::format(
          "want a known option and its value, got \"{}\"", arguments[i]));
    }
    *setting->second = arguments[i + 1];
  }
  return settings;
}

// For good: systemd ends the process with a signal.
absl::Status RunPodNetwork(const Settings& settings) {
  ASSIGN_OR_RETURN(const std::unique_ptr<cloud::MetadataClient> metadata,
                   cloud::MakeMetadataClient(settings.metadata));
  ProcessRunner runner;
  const NodePaths paths{settings.options.root};
  cloud::NodeBootStatus status(
      {.component = "pod-network",
       .file = paths.Runtime() + "/pod-network-status.json",
       .console = STDOUT_FILENO},
      [&metadata](std::string_view json) {
        return metadata->ReportStatus(json);
      },
      Clock::System());
  const std::stop_source never;
  return PodNetworkAgent(runner, paths, status, Clock::System())
      .Run(never.get_token());
}

}  // namespace

absl::Status RunCommand(std::span<char* const> arguments) {
  const std::string_view command = arguments.empty() ? "" : arguments.front();
  if (command != "run" && command != "pod-network") {
    return InvalidArgument("want a command: run or pod-network");
  }
  ASSIGN_OR_RETURN(Settings settings, ParseSettings(arguments.subspan(1)));
  if (command == "pod-network") {
    return RunPodNetwork(settings);
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<cloud::MetadataClient> metadata,
                   cloud::MakeMetadataClient(settings.metadata));
  ProcessRunner runner;
  return Bootstrapper(std::move(settings.options), *metadata, runner,
                      Clock::System())
      .Run();
}

}  // namespace constellation::bootstrapper
