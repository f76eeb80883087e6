// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_VERIFICATIONSERVICE_NODE_DIRECTORY_H_
#define CONSTELLATION_VERIFICATIONSERVICE_NODE_DIRECTORY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace constellation::verificationservice {

// A node as the API server lists it.
struct ListedNode {
  std::string name;
  std::string ip;  // IPv4 or IPv6; empty if the list has none
};

// The nodes of the cluster. Implementations are thread-safe.
class NodeDirectory {
 public:
  virtual ~NodeDirectory() = default;
  // In the order of their names. Errors are those of kubernetes::Client.
  virtual absl::StatusOr<std::vector<ListedNode>> List() = 0;
};

}  // namespace constellation::verificationservice

#endif  // CONSTELLATION_VERIFICATIONSERVICE_NODE_DIRECTORY_H_
