// SPDX-License-Identifier: Apache-2.0
#include "joinservice/control_plane_files.h"

#include <fmt/format.h>

#include <utility>

#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"

namespace constellation::joinservice {
namespace {

constexpr const char* kNames[] = {"ca.crt",
                                  "ca.key",
                                  "sa.key",
                                  "sa.pub",
                                  "etcd/ca.crt",
                                  "etcd/ca.key",
                                  "front-proxy-ca.crt",
                                  "front-proxy-ca.key"};
// Keys and certificates have a few kilobytes.
constexpr size_t kMaxFileBytes = size_t{64} << 10U;

}  // namespace

// Read for each ticket: kubeadm may have renewed them.
absl::StatusOr<std::vector<ControlPlaneFile>> ReadControlPlaneFiles(
    const std::string& folder) {
  std::vector<ControlPlaneFile> files;
  for (const char* name : kNames) {
    absl::StatusOr<std::string> text =
        ReadFile(fmt::format("{}/{}", folder, name), kMaxFileBytes);
    if (!text.ok()) {
      return FailedPrecondition(
          fmt::format("shared control-plane file: {}", Message(text.status())));
    }
    if (text->empty()) {
      return FailedPrecondition(
          fmt::format("shared control-plane file {} is empty", name));
    }
    files.push_back({name, SecretBytes(AsBytes(*text))});
    Wipe({reinterpret_cast<uint8_t*>(text->data()), text->size()});
  }
  return files;
}

}  // namespace constellation::joinservice
