// SPDX-License-Identifier: Apache-2.0
#include "joinservice/options.h"

#include <fmt/format.h>

#include <map>
#include <string_view>

#include "common/status.h"

namespace constellation::joinservice {

absl::StatusOr<Options> ParseOptions(int argc, char** argv) {
  Options options;
  const std::map<std::string_view, std::string*> known = {
      {"--listen", &options.listen},
      {"--key-service-socket", &options.key_service_socket},
      {"--pki-folder", &options.pki_folder},
      {"--kubeconfig", &options.kubeconfig},
      {"--tcti", &options.tcti},
      {"--event-log", &options.event_log},
      {"--variant", &options.variant},
  };
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--help") {
      options.help = true;
      continue;
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
  return options;
}

}  // namespace constellation::joinservice
