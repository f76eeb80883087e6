// SPDX-License-Identifier: Apache-2.0
#include "verificationservice/kubernetes_node_directory.h"

#include <algorithm>
#include <string>

#include "common/ipv4.h"
#include "common/status_macros.h"
#include "kubernetes/json.h"

namespace constellation::verificationservice {
namespace {

constexpr char kNodes[] = "/api/v1/nodes";

// The node's address inside the cluster's network. Its kubelet wrote it, so it
// is checked: no name, which would be looked up; "" if there is none.
std::string InternalIp(const kubernetes::Json& node) {
  const kubernetes::Json* addresses =
      kubernetes::Find(node, {"status", "addresses"});
  if (addresses == nullptr || !addresses->is_array()) return "";
  for (const kubernetes::Json& entry : *addresses) {
    if (kubernetes::FindString(entry, {"type"}) != "InternalIP") continue;
    const auto address = kubernetes::FindString(entry, {"address"});
    if (address.has_value() && IsIp(*address)) return *address;
  }
  return "";
}

}  // namespace

// Nodes without an address stay in the list: leaving one out would hide it.
absl::StatusOr<std::vector<ListedNode>> KubernetesNodeDirectory::List() {
  ASSIGN_OR_RETURN(const kubernetes::ObjectList list, client_.List(kNodes));
  std::vector<ListedNode> nodes;
  for (const kubernetes::Json& node : list.items) {
    ASSIGN_OR_RETURN(std::string name,
                     kubernetes::RequireString(node, {"metadata", "name"}));
    nodes.push_back({std::move(name), InternalIp(node)});
  }
  std::ranges::sort(nodes, {}, &ListedNode::name);
  return nodes;
}

}  // namespace constellation::verificationservice
