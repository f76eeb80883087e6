// SPDX-License-Identifier: Apache-2.0
#include "cloud/metadata.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/status.h"

namespace constellation::cloud {

std::string_view NodeRoleName(NodeRole role) {
  return role == NodeRole::kControlPlane ? "control-plane" : "worker";
}

// Exactly these two words.
absl::StatusOr<NodeRole> ParseNodeRole(std::string_view name) {
  if (name == "control-plane") {
    return NodeRole::kControlPlane;
  }
  if (name == "worker") {
    return NodeRole::kWorker;
  }
  return InvalidArgument(
      fmt::format("role: want control-plane or worker, got \"{}\"", name));
}

// By hand: <regex> is slow and locale-dependent.
bool IsNodeName(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !name.empty() && name.size() <= 63 && name.front() != '-' &&
         name.back() != '-' && std::all_of(name.begin(), name.end(), allowed);
}

}  // namespace constellation::cloud
