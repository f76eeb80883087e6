// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/resource.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <queue>

#include "cloud/metadata.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud {
namespace {

using Indexes = std::map<std::string, size_t, std::less<>>;

// Names become parts of cloud names, tags and tokens, so their syntax is fixed
// here for all clouds.
absl::StatusOr<Indexes> IndexByName(const std::vector<Resource>& resources) {
  Indexes indexes;
  for (size_t i = 0; i < resources.size(); ++i) {
    const Resource& resource = resources[i];
    if (!IsNodeName(resource.name) || resource.kind.empty()) {
      return InvalidArgument(fmt::format(
          "resource \"{}\": want a kind and a name of 1-63 of [a-z0-9-]",
          resource.name));
    }
    if (!indexes.emplace(resource.name, i).second) {
      return InvalidArgument(
          fmt::format("two resources are called \"{}\"", resource.name));
    }
  }
  return indexes;
}

}  // namespace

// Kahn's algorithm. The error names one resource of the circle.
absl::StatusOr<std::vector<size_t>> DependencyOrder(
    const std::vector<Resource>& resources) {
  ASSIGN_OR_RETURN(const Indexes indexes, IndexByName(resources));
  std::vector<std::vector<size_t>> dependents(resources.size());
  std::vector<size_t> missing(resources.size(), 0);
  for (size_t i = 0; i < resources.size(); ++i) {
    for (const std::string& name : resources[i].depends_on) {
      const auto found = indexes.find(name);
      if (found == indexes.end()) {
        return InvalidArgument(
            fmt::format("resource \"{}\" depends on \"{}\", which is not there",
                        resources[i].name, name));
      }
      dependents[found->second].push_back(i);
      ++missing[i];
    }
  }
  // The smallest index first: the order is the plan's own where it can be.
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  for (size_t i = 0; i < resources.size(); ++i) {
    if (missing[i] == 0) {
      ready.push(i);
    }
  }
  std::vector<size_t> order;
  while (!ready.empty()) {
    const size_t i = ready.top();
    ready.pop();
    order.push_back(i);
    for (const size_t dependent : dependents[i]) {
      if (--missing[dependent] == 0) {
        ready.push(dependent);
      }
    }
  }
  if (order.size() != resources.size()) {
    const auto stuck =
        std::ranges::find_if(missing, [](size_t count) { return count > 0; });
    return InvalidArgument(fmt::format(
        "resource \"{}\" depends on itself, through others perhaps",
        resources[static_cast<size_t>(stuck - missing.begin())].name));
  }
  return order;
}

}  // namespace constellation::cloud
