// SPDX-License-Identifier: Apache-2.0
#include "verificationservice/options.h"

#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <string_view>

#include "common/status.h"
#include "kubernetes/names.h"

namespace constellation::verificationservice {

// The name is checked here, because everything that the service proves is bound
// to it.
absl::StatusOr<Options> ParseOptions(int argc, char** argv) {
  Options options;
  if (const char* name = std::getenv("NODE_NAME"); name != nullptr) {
    options.node_name = name;
  }
  const std::map<std::string_view, std::string*> known = {
      {"--listen", &options.listen},
      {"--node-name", &options.node_name},
      {"--kubeconfig", &options.kubeconfig},
      {"--tcti", &options.attester.paths.tcti},
      {"--event-log", &options.attester.paths.event_log},
      {"--variant", &options.attester.variant},
  };
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--help") {
      options.help = true;
      return options;
    }
    const auto option = known.find(name);
    if (option == known.end()) {
      return InvalidArgument(fmt::format("unknown option '{}'", name));
    }
    if (i + 1 == argc) {
      return InvalidArgument(fmt::format("option {} wants a value", name));
    }
    *option->second = argv[++i];
  }
  if (!kubernetes::IsDnsSubdomain(options.node_name)) {
    return InvalidArgument(fmt::format(
        "want the node's name in --node-name or NODE_NAME, got '{}'",
        options.node_name));
  }
  return options;
}

}  // namespace constellation::verificationservice
