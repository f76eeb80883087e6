// SPDX-License-Identifier: Apache-2.0
#include "joinservice/options.h"

#include <fmt/format.h>

#include <map>
#include <string_view>

#include "common/status.h"

namespace constellation::joinservice {

// Later options win. Values are not checked here: whoever uses them does.
absl::StatusOr<Options> ParseOptions(int argc, char** argv) {
  Options options;
  const std::map<std::string_view, std::string*> known = {
      {"--listen", &options.listen},
      {"--key-service-socket", &options.key_service_socket},
      {"--pki-folder", &options.pki_folder},
      {"--kubeconfig", &options.kubeconfig},
      {"--tcti", &options.attester.paths.tcti},
      {"--event-log", &options.attester.paths.event_log},
      {"--variant", &options.attester.variant},
      {"--collateral-folder", &options.collateral.folder},
      {"--amd-kds", &options.collateral.endpoints.amd_kds},
      {"--intel-pcs", &options.collateral.endpoints.intel_pcs},
      {"--intel-root-crl", &options.collateral.endpoints.intel_root_crl},
  };
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--help") {
      options.help = true;
      continue;
    }
    if (name == "--offline") {
      options.collateral.offline = true;
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
