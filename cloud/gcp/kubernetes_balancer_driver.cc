// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/kubernetes_balancer_driver.h"

#include <fmt/format.h>

#include <algorithm>

#include "cloud/engine/cloud_error.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::gcp {
namespace {

using nlohmann::json;
using Change = Compute::Change;

// Only instances' names say whose a pool is: ours begin with the base name.
bool IsOurs(const json& pool, const ClusterIdentity& cluster) {
  const json instances =
      pool.is_object() ? pool.value("instances", json::array()) : json::array();
  const std::string base = BaseName(cluster) + "-";
  return std::ranges::any_of(instances, [&](const json& link) {
    return link.is_string() &&
           LastPart(link.get_ref<const std::string&>()).starts_with(base);
  });
}

}  // namespace

// Nothing is planned of this kind, so nothing is looked for by name.
absl::StatusOr<std::vector<Observed>> KubernetesBalancerDriver::Find(
    const DriverContext& /*context*/) {
  return std::vector<Observed>();
}

// INVALID_ARGUMENT, always.
absl::StatusOr<Observed> KubernetesBalancerDriver::Create(
    const DriverContext& context, std::string_view /*token*/) {
  return InvalidArgument(fmt::format("{}: Kubernetes makes these, we do not",
                                     context.resource.name));
}

std::vector<AttributeChange> KubernetesBalancerDriver::Differs(
    const DriverContext& /*context*/, const Observed& /*observed*/) {
  return {};
}

absl::StatusOr<Observed> KubernetesBalancerDriver::Update(
    const DriverContext& /*context*/, const Observed& observed) {
  return observed;
}

// kNotFound when it is gone.
absl::StatusOr<Observed> KubernetesBalancerDriver::Refresh(
    const DriverContext& context, const Observed& observed) {
  ASSIGN_OR_RETURN(json pool, compute_.Get(observed.id, context.stop));
  return Observed{.id = observed.id, .attributes = std::move(pool)};
}

// One after the other: the pool cannot go while the rule uses it.
absl::Status KubernetesBalancerDriver::Remove(const std::string& path,
                                              const std::stop_token& stop) {
  const absl::Status started = compute_.Start(
      {.method = "DELETE", .path = path, .stop = stop}, path, Change::kDelete);
  if (absl::IsNotFound(started)) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(started);
  return compute_.Await(path, Change::kDelete, stop);
}

// Kubernetes names the rule like its pool. It is deleted only if it really
// leads there.
absl::Status KubernetesBalancerDriver::Delete(const DriverContext& context,
                                              const Observed& observed) {
  const std::string rule = fmt::format(
      "{}/forwardingRules/{}", PlaceOf(observed.id), LastPart(observed.id));
  const absl::StatusOr<json> there = compute_.Get(rule, context.stop);
  if (there.ok() &&
      LastPart(TextOf(*there, "target")) == LastPart(observed.id)) {
    RETURN_IF_ERROR(Remove(rule, context.stop));
  }
  return Remove(observed.id, context.stop);
}

// All pools of the project, as their names are random.
absl::StatusOr<std::vector<Stray>> KubernetesBalancerDriver::List(
    const ClusterIdentity& cluster) {
  std::vector<Stray> strays;
  RETURN_IF_ERROR(compute_.client().List(
      {.path = fmt::format("projects/{}/aggregated/targetPools", project_),
       .query = {{"maxResults", "500"}}},
      "targetPools", [&](const json& pool) -> absl::Status {
        if (IsOurs(pool, cluster) && !IdOf(pool).empty()) {
          strays.push_back(
              {.observed = {.id = IdOf(pool), .attributes = pool}});
        }
        return absl::OkStatus();
      }));
  return strays;
}

}  // namespace constellation::cloud::gcp
