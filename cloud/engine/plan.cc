// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "cloud/engine/task_graph.h"
#include "cloud/json_fields.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud {
namespace {

using nlohmann::json;

// Words of the plan's output.
constexpr std::array<std::pair<PlanAction, std::string_view>, 5> kActions = {{
    {PlanAction::kCreate, "create"},
    {PlanAction::kUpdate, "change"},
    {PlanAction::kReplace, "replace"},
    {PlanAction::kDelete, "delete"},
    {PlanAction::kUnchanged, "unchanged"},
}};

// Makes one plan.
// Asks the cloud about every resource, and decides. Changes nothing but the
// journal's view. Used once; everything given to it must outlive it.
class Planner final {
 public:
  Planner(const EngineParts& parts, const std::vector<Resource>& desired)
      : parts_(parts), desired_(desired), lifecycle_(parts) {}

  // Looks go in the order of dependencies, since a resource is compared with
  // what its references resolve to. Deletions come last in the list; Apply()
  // does them first.
  absl::StatusOr<Plan> Run() {
    ASSIGN_OR_RETURN(const std::vector<size_t> order,
                     DependencyOrder(desired_));
    for (size_t i = 0; i < order.size(); ++i) {
      position_[desired_[order[i]].name] = i;
    }
    actions_.resize(order.size());
    TaskGraph graph{.after = {},
                    .parallelism = parts_.options.parallelism,
                    .stop = parts_.stop};
    for (const size_t i : order) {
      std::vector<size_t>& after = graph.after.emplace_back();
      for (const std::string& name : desired_[i].depends_on) {
        after.push_back(position_.at(name));
      }
    }
    const std::vector<absl::Status> results =
        RunTasks(graph, [&](size_t i) { return Look(i, desired_[order[i]]); });
    RETURN_IF_ERROR(FirstFailure(results));
    KeepWhatIsKept();
    Cascade();
    RETURN_IF_ERROR(AddDeletions());
    return Plan{.cluster = parts_.cluster, .actions = std::move(actions_)};
  }

 private:
  // The cause, not the tasks that were not started because of it.
  static absl::Status FirstFailure(const std::vector<absl::Status>& results) {
    absl::Status first;
    for (const absl::Status& status : results) {
      if (!status.ok() && (first.ok() || absl::IsCancelled(first))) {
        first = status;
      }
    }
    return first;
  }

  // Fills one row. Each task writes only its own, so no lock is needed.
  absl::Status Look(size_t position, const Resource& resource) {
    absl::StatusOr<std::vector<Observed>> found = lifecycle_.Find(resource);
    if (!found.ok()) {
      return Annotate(found.status(), resource.name);
    }
    PlannedAction& planned = actions_[position];
    planned.resource = resource;
    if (found->empty()) {
      planned.action = PlanAction::kCreate;
      return absl::OkStatus();
    }
    Choose(resource, *found, planned);
    lifecycle_.Publish(resource.name, *planned.observed);
    Judge(resource, planned);
    return absl::OkStatus();
  }

  // The one that the journal knows, else one that works, else the first by id.
  void Choose(const Resource& resource, std::vector<Observed>& found,
              PlannedAction& planned) const {
    const auto entry = parts_.journal.Find(resource.name);
    const std::string known = entry ? entry->id : "";
    std::ranges::sort(found, {}, [&](const Observed& observed) {
      return std::tuple(observed.id != known,
                        observed.state == ResourceState::kFailed, observed.id);
    });
    planned.observed = found.front();
    for (size_t i = 1; i < found.size(); ++i) {
      AddSurplus(found[i], planned);
    }
  }

  // A cloud may show one thing twice: that is no second one.
  static void AddSurplus(const Observed& observed, PlannedAction& planned) {
    if (observed.id != planned.observed->id &&
        std::ranges::find(planned.surplus, observed.id, &Observed::id) ==
            planned.surplus.end()) {
      planned.surplus.push_back(observed);
    }
  }

  // Nor is a thing of one name to be deleted because another's search, in a
  // cloud that did not heed its filter, found it too.
  void KeepWhatIsKept() {
    std::set<std::pair<std::string, std::string>> kept;
    for (const PlannedAction& planned : actions_) {
      if (planned.observed) {
        kept.emplace(planned.resource.kind, planned.observed->id);
      }
    }
    for (PlannedAction& planned : actions_) {
      std::erase_if(planned.surplus, [&](const Observed& observed) {
        return kept.contains({planned.resource.kind, observed.id});
      });
    }
  }

  // Failed and half-deleted things are replaced; for the rest the driver says
  // what differs.
  void Judge(const Resource& resource, PlannedAction& planned) const {
    const auto entry = parts_.journal.Find(resource.name);
    if (planned.observed->state == ResourceState::kFailed) {
      planned.action = PlanAction::kReplace;
      planned.reason = "the cloud failed to make it";
      return;
    }
    if (entry && entry->state == JournalState::kDeleting) {
      planned.action = PlanAction::kReplace;
      planned.reason = "its deletion was interrupted";
      return;
    }
    ResourceDriver* driver = parts_.drivers.Get(resource.kind);
    const DriverContext context{
        .cluster = parts_.cluster,
        .resource = resource,
        .known_id = planned.observed->id,
        .dependency = [this](std::string_view name) -> const Observed* {
          const auto position = position_.find(name);
          return position == position_.end() ||
                         !actions_[position->second].observed
                     ? nullptr
                     : &*actions_[position->second].observed;
        },
        .stop = parts_.stop};
    planned.changes = driver->Differs(context, *planned.observed);
    const bool replace = std::ranges::any_of(
        planned.changes,
        [](const AttributeChange& change) { return change.needs_replacement; });
    if (replace) {
      planned.action = PlanAction::kReplace;
      planned.reason = "it cannot be changed in place";
    } else if (!planned.changes.empty()) {
      planned.action = PlanAction::kUpdate;
    }
  }

  // What stands on something that is replaced has to go with it.
  void Cascade() {
    for (PlannedAction& planned : actions_) {  // in dependency order
      for (const std::string& name : planned.resource.depends_on) {
        const PlannedAction& base = actions_[position_.at(name)];
        if (planned.observed && planned.action != PlanAction::kReplace &&
            base.action == PlanAction::kReplace) {
          planned.action = PlanAction::kReplace;
          planned.reason = fmt::format("{} is replaced", name);
        }
      }
    }
  }

  // What the journal knows and nobody wants any more.
  absl::Status AddDeletions() {
    std::map<std::string, PlannedAction> deletions;
    for (const JournalEntry& entry : parts_.journal.Entries()) {
      if (!position_.contains(entry.name)) {
        PlannedAction& planned = deletions[entry.name];
        planned.action = PlanAction::kDelete;
        planned.resource = {.kind = entry.kind,
                            .name = entry.name,
                            .depends_on = entry.depends_on};
        planned.reason = "no longer wanted";
        if (!entry.id.empty()) {
          planned.observed = Observed{.id = entry.id};
        }
      }
    }
    RETURN_IF_ERROR(AddStrays(deletions));
    for (auto& [name, planned] : deletions) {
      actions_.push_back(std::move(planned));
    }
    return absl::OkStatus();
  }

  // Named things that neither the config nor the journal knows. What has no
  // name of ours belongs to Kubernetes and stays until the end.
  absl::Status AddStrays(std::map<std::string, PlannedAction>& deletions) {
    for (const std::string& kind : parts_.drivers.kinds()) {
      absl::StatusOr<std::vector<Stray>> strays = lifecycle_.List(kind);
      if (!strays.ok()) {
        return Annotate(strays.status(), kind);
      }
      for (const Stray& stray : *strays) {
        if (stray.name.empty() || position_.contains(stray.name) ||
            stray.observed.state == ResourceState::kDeleting) {
          continue;
        }
        PlannedAction& planned = deletions[stray.name];
        if (planned.resource.name.empty()) {
          planned = {.action = PlanAction::kDelete,
                     .resource = {.kind = kind, .name = stray.name},
                     .observed = stray.observed,
                     .reason = "carries this cluster's tag, is not wanted"};
        } else if (!planned.observed) {
          planned.observed = stray.observed;
        } else {
          AddSurplus(stray.observed, planned);
        }
      }
    }
    return absl::OkStatus();
  }

  const EngineParts& parts_;
  const std::vector<Resource>& desired_;
  Lifecycle lifecycle_;
  std::map<std::string, size_t, std::less<>> position_;  // in actions_
  std::vector<PlannedAction> actions_;
};

// Values are cut: a policy or a template would fill the screen.
std::string ValueText(const json& value) {
  constexpr size_t kMaxText = 60;
  std::string text = DumpJson(value);
  if (text.size() > kMaxText) {
    text = text.substr(0, kMaxText) + "...";
  }
  return text;
}

// In full, for programs.
json ChangesToJson(const std::vector<AttributeChange>& changes) {
  json out = json::array();
  for (const AttributeChange& change : changes) {
    out.push_back({{"attribute", change.attribute},
                   {"from", change.from},
                   {"to", change.to},
                   {"replaces", change.needs_replacement}});
  }
  return out;
}

}  // namespace

// "create", "change", ...
std::string_view PlanActionName(PlanAction action) {
  for (const auto& [value, name] : kActions) {
    if (value == action) {
      return name;
    }
  }
  return "";
}

size_t Plan::Count(PlanAction action) const {
  return static_cast<size_t>(
      std::ranges::count(actions, action, &PlannedAction::action));
}

// Doubles count as work, too.
bool Plan::Empty() const {
  return std::ranges::all_of(actions, [](const PlannedAction& planned) {
    return planned.action == PlanAction::kUnchanged && planned.surplus.empty();
  });
}

// Only what works is a loss: deleting what failed, or what is half gone, needs
// nobody's leave.
std::vector<std::string> Plan::Destroyed() const {
  std::vector<std::string> names;
  for (const PlannedAction& planned : actions) {
    const bool goes = planned.action == PlanAction::kDelete ||
                      planned.action == PlanAction::kReplace;
    if (goes && planned.observed &&
        planned.observed->state == ResourceState::kReady) {
      names.push_back(planned.resource.name);
    }
  }
  return names;
}

absl::StatusOr<Plan> ComputePlan(const EngineParts& parts,
                                 const std::vector<Resource>& desired) {
  return Planner(parts, desired).Run();
}

// Version 1 of docs/formats. A missing id is null.
json PlanToJson(const Plan& plan) {
  json actions = json::array();
  for (const PlannedAction& planned : plan.actions) {
    json surplus = json::array();
    for (const Observed& observed : planned.surplus) {
      surplus.push_back(observed.id);
    }
    actions.push_back(
        {{"action", PlanActionName(planned.action)},
         {"kind", planned.resource.kind},
         {"name", planned.resource.name},
         {"id", planned.observed ? json(planned.observed->id) : json()},
         {"reason", planned.reason},
         {"changes", ChangesToJson(planned.changes)},
         {"surplus", std::move(surplus)}});
  }
  json summary = json::object();
  for (const auto& [action, name] : kActions) {
    summary[std::string(name)] = plan.Count(action);
  }
  return {{"version", 1},
          {"cluster",
           {{"uid", plan.cluster.uid},
            {"name", plan.cluster.name},
            {"cloud", plan.cluster.cloud},
            {"scope", plan.cluster.scope}}},
          {"actions", std::move(actions)},
          {"summary", std::move(summary)}};
}

std::string PlanToText(const Plan& plan) {
  std::string text;
  for (const PlannedAction& planned : plan.actions) {
    if (planned.action != PlanAction::kUnchanged) {
      text += fmt::format("{:<9} {} ({}){}{}\n", PlanActionName(planned.action),
                          planned.resource.name, planned.resource.kind,
                          planned.reason.empty() ? "" : ": ", planned.reason);
    }
    for (const AttributeChange& change : planned.changes) {
      text += fmt::format("            {}: {} -> {}{}\n", change.attribute,
                          ValueText(change.from), ValueText(change.to),
                          change.needs_replacement ? " (replaces it)" : "");
    }
    for (const Observed& observed : planned.surplus) {
      text += fmt::format("delete    {} ({}): {} is there twice\n",
                          planned.resource.name, planned.resource.kind,
                          observed.id);
    }
  }
  std::string counts;
  for (const auto& [action, name] : kActions) {
    counts += fmt::format("{}{} to {}", counts.empty() ? "" : ", ",
                          plan.Count(action), name);
  }
  // "3 to unchanged" reads badly.
  const size_t last = counts.rfind(" to unchanged");
  return text + counts.replace(last, counts.size(), " unchanged") + ".\n";
}

}  // namespace constellation::cloud
