// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/control_plane_guard.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "cli/terminal/table.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// Google's labels, and all names of resources, have no underscore.
std::string GroupWord(std::string_view group) {
  std::string word(group);
  std::ranges::replace(word, '_', '-');
  return word;
}

// Machines of one group.
struct GroupCount {
  int running = 0;
  int wanted = 0;
};

}  // namespace

// Names of resources hold the group's ("group-control-plane-default").
absl::StatusOr<std::string> ControlPlaneLoss(
    const cloud::Plan& plan, const cloud::ClusterRequest& request,
    cloud::Provider& provider) {
  if (plan.Count(cloud::PlanAction::kUpdate) +
          plan.Count(cloud::PlanAction::kReplace) +
          plan.Count(cloud::PlanAction::kDelete) ==
      0) {
    return "";
  }
  ASSIGN_OR_RETURN(const std::vector<cloud::ClusterInstance> instances,
                   provider.Instances(request.identity));
  std::map<std::string, GroupCount> groups;
  for (const cloud::ClusterInstance& instance : instances) {
    if (instance.metadata.role == cloud::NodeRole::kControlPlane) {
      ++groups[GroupWord(instance.group)].running;
    }
  }
  for (const cloud::NodeGroupRequest& group : request.groups) {
    if (group.role == cloud::NodeRole::kControlPlane) {
      groups[GroupWord(group.name)].wanted += group.count;
    }
  }
  const std::vector<std::string> destroyed = plan.Destroyed();
  std::vector<std::string> losses;
  for (const auto& [name, count] : groups) {
    if (count.wanted < count.running) {
      losses.push_back(fmt::format("{} shrinks from {} machines to {}",
                                   Printable(name), count.running,
                                   count.wanted));
    } else if (count.running > 0 && !name.empty() &&
               std::ranges::any_of(
                   destroyed, [&word = name](const std::string& resource) {
                     return resource.find(word) != std::string::npos;
                   })) {
      losses.push_back(fmt::format("{} is made anew", Printable(name)));
    }
  }
  if (losses.empty()) {
    return "";
  }
  return fmt::format(
      "the plan takes machines from the control plane: {}. etcd goes on "
      "counting a machine that is gone until its member is removed, and a "
      "cluster without a majority is lost. Remove the member first, one "
      "machine at a time: docs/clouds/README.md, \"Shrinking the control "
      "plane\"",
      fmt::join(losses, ", "));
}

}  // namespace constellation::cli
