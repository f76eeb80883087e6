// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_OPENSTACK_DIRECTORY_H_
#define CONSTELLATION_CLOUD_OPENSTACK_DIRECTORY_H_

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace constellation::cloud::openstack {

// One control-plane node in the node directory.
struct DirectoryEntry {
  std::string name = {};     // without the cluster's prefix: "node-...-0"
  std::string address = {};  // IPv4

  bool operator==(const DirectoryEntry&) const = default;
};

// The directory as keys and values of a server's metadata,
// {"constellation-control-planes-0": "name=address,name=address", ...}: values
// of at most 255 characters, as many keys as are needed.
// An entry is never split between two keys.
nlohmann::json DirectoryToMetadata(const std::vector<DirectoryEntry>& entries);

// The directory in a server's metadata, hostile: at most 1,000 entries, names
// IsNodeName(), addresses IPv4, no name twice. Empty if there is none.
// INVALID_ARGUMENT names the key.
absl::StatusOr<std::vector<DirectoryEntry>> DirectoryFromMetadata(
    const nlohmann::json& metadata);

// The policy's "enrolledTPMs" (a JSON array) as keys and values of a server's
// metadata: pieces of at most 255 characters. Nothing for an empty list or "".
nlohmann::json TpmsToMetadata(std::string_view list);

// More pieces do not fit beside the rest into what nova allows (128 items).
inline constexpr size_t kMaxTpmPieces = 96;

// The list in a server's metadata, hostile; "[]" if there is none. Its syntax
// is JSON's, and it is an array: nothing else is checked. INVALID_ARGUMENT
// names the key.
absl::StatusOr<std::string> TpmsFromMetadata(const nlohmann::json& metadata);

}  // namespace constellation::cloud::openstack

#endif  // CONSTELLATION_CLOUD_OPENSTACK_DIRECTORY_H_
