// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_OPENSTACK_DIRECTORY_H_
#define CONSTELLATION_CLOUD_OPENSTACK_DIRECTORY_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
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

}  // namespace constellation::cloud::openstack

#endif  // CONSTELLATION_CLOUD_OPENSTACK_DIRECTORY_H_
