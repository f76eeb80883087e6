// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_TESTING_KUBEADM_PROGRAM_H_
#define CONSTELLATION_BOOTSTRAPPER_TESTING_KUBEADM_PROGRAM_H_

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace constellation::bootstrapper::testing {

// A kubeadm 1.20 from the image's components, if they have been built here, or
// $CONSTELLATION_KUBEADM; empty if there is neither.
inline std::string FindKubeadm() {
  if (const char* named = std::getenv("CONSTELLATION_KUBEADM")) {
    return named;
  }
  const char* home = std::getenv("HOME");
  const std::filesystem::path cache =
      std::filesystem::path(home == nullptr ? "/" : home) /
      ".cache/constellation/image/kubernetes-debian-source";
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(cache, error)) {
    const auto program = entry.path() / "bin/kubeadm";
    if (std::filesystem::exists(program, error)) {
      return program;
    }
  }
  return "";
}

}  // namespace constellation::bootstrapper::testing

#endif  // CONSTELLATION_BOOTSTRAPPER_TESTING_KUBEADM_PROGRAM_H_
