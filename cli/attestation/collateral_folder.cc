// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/collateral_folder.h"

#include <cstdlib>

namespace constellation::cli {

std::string DefaultCollateralFolder() {
  // XDG Base Directory Specification: an empty value counts as not set.
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && *cache != '\0') {
    return std::string(cache) + "/constellation/collateral";
  }
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "." : home) +
         "/.cache/constellation/collateral";
}

}  // namespace constellation::cli
