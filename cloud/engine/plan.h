// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_ENGINE_PLAN_H_
#define CONSTELLATION_CLOUD_ENGINE_PLAN_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cloud/engine/lifecycle.h"
#include "cloud/engine/resource.h"
#include "cloud/engine/resource_driver.h"

namespace constellation::cloud {

// What shall happen to one resource.
enum class PlanAction { kCreate, kUpdate, kReplace, kDelete, kUnchanged };

// "create", "change", "replace", "delete", "unchanged".
std::string_view PlanActionName(PlanAction action);

// One resource's part of a plan.
struct PlannedAction {
  PlanAction action = PlanAction::kUnchanged;
  Resource resource = {};
  std::optional<Observed> observed = {};  // nothing for kCreate
  std::vector<AttributeChange> changes = {};
  std::string reason = {};  // why replaced or deleted, for people
  // More of the same name, made by a run that lost track; to be deleted.
  std::vector<Observed> surplus = {};
};

// What Apply() would do. Desired resources in dependency order, then deletions.
struct Plan {
  ClusterIdentity cluster = {};
  std::vector<PlannedAction> actions = {};

  size_t Count(PlanAction action) const;
  // Whether Apply() would change nothing.
  bool Empty() const;
  // Names of working things that Apply() would delete or replace.
  std::vector<std::string> Destroyed() const;
};

// Compares what is wanted with what is there: looks for every resource, in
// parallel, and for everything else with the cluster's uid and one of our
// names. What a run was making when it died is waited for (EngineOptions::
// window). Changes nothing, not even the journal. INVALID_ARGUMENT for
// resources that form no plan; else the first failure of a driver.
absl::StatusOr<Plan> ComputePlan(const EngineParts& parts,
                                 const std::vector<Resource>& desired);

// {"version":1,"cluster":{...},"actions":[{"action","kind","name","id",
// "reason","changes":[{"attribute","from","to","replaces"}]}],"summary":{...}}.
// Documented in docs/formats/cloud-plan.md.
nlohmann::json PlanToJson(const Plan& plan);

// For people, a line a resource; unchanged ones are counted only.
std::string PlanToText(const Plan& plan);

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_ENGINE_PLAN_H_
