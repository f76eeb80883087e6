// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/executor.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "cloud/engine/task_graph.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud {
namespace {

// Where a resource of that name stands.
using Positions = std::map<std::string, size_t, std::less<>>;

// Collects the outcome of several rounds.
class Outcome final {
 public:
  // `resources[i]` belongs to `results[i]`.
  // Tasks that were never started are no failures of their own. A cause goes
  // before a cancellation.
  void Take(Lifecycle& lifecycle, const std::vector<Resource>& resources,
            const std::vector<absl::Status>& results) {
    for (size_t i = 0; i < results.size(); ++i) {
      const absl::Status& status = results[i];
      if (status.ok()) {
        continue;
      }
      const bool started = Message(status) != "not started";
      if (started) {
        lifecycle.Report(ProgressStep::kFailed, resources[i], Message(status));
        result_.failures.push_back({.kind = resources[i].kind,
                                    .name = resources[i].name,
                                    .error = CloudErrorOf(status)});
      }
      if (result_.status.ok() ||
          (absl::IsCancelled(result_.status) && started)) {
        result_.status = Annotate(status, resources[i].name);
      }
    }
  }

  // A failure of no single resource; the first one stays.
  void Fail(const absl::Status& status) {
    if (result_.status.ok()) {
      result_.status = status;
    }
  }

  bool ok() const { return result_.status.ok(); }

  EngineResult Finish(const Lifecycle& lifecycle) {
    result_.outputs = lifecycle.Outputs();
    return std::move(result_);
  }

 private:
  EngineResult result_;
};

// The graph in which a resource goes only after all that depend on it.
std::vector<std::vector<size_t>> ReverseGraph(
    const std::vector<Resource>& resources) {
  Positions positions;
  for (size_t i = 0; i < resources.size(); ++i) {
    positions[resources[i].name] = i;
  }
  std::vector<std::vector<size_t>> after(resources.size());
  for (size_t i = 0; i < resources.size(); ++i) {
    for (const std::string& name : resources[i].depends_on) {
      if (const auto base = positions.find(name); base != positions.end()) {
        after[base->second].push_back(i);
      }
    }
  }
  return after;
}

// --- Apply -------------------------------------------------------------------

// Doubles first, then the thing itself. Only what is meant to go for good is
// forgotten by the journal: a double has its name from the thing that stays.
absl::Status RemovePlanned(Lifecycle& lifecycle, const PlannedAction& planned) {
  const bool whole = planned.action == PlanAction::kDelete ||
                     planned.action == PlanAction::kReplace;
  for (const Observed& observed : planned.surplus) {
    RETURN_IF_ERROR(
        lifecycle.Remove(planned.resource, observed, /*forget=*/false));
  }
  if (!whole) {
    return absl::OkStatus();
  }
  return planned.observed
             ? lifecycle.Remove(planned.resource, *planned.observed,
                                /*forget=*/true)
             : lifecycle.FindAndRemove(planned.resource);
}

// Deletions and replacements, from the leaves down to what they stand on.
void RunDeletions(const EngineParts& parts, const Plan& plan,
                  Lifecycle& lifecycle, Outcome& outcome) {
  std::vector<const PlannedAction*> actions;
  std::vector<Resource> resources;
  for (const PlannedAction& planned : plan.actions) {
    if (planned.action == PlanAction::kDelete ||
        planned.action == PlanAction::kReplace || !planned.surplus.empty()) {
      actions.push_back(&planned);
      resources.push_back(planned.resource);
    }
  }
  const TaskGraph graph{.after = ReverseGraph(resources),
                        .parallelism = parts.options.parallelism,
                        .stop = parts.stop};
  outcome.Take(lifecycle, resources, RunTasks(graph, [&](size_t i) {
                 return RemovePlanned(lifecycle, *actions[i]);
               }));
}

// What was still being made when it was found may turn out a failure.
absl::Status AdoptPlanned(Lifecycle& lifecycle, const PlannedAction& planned) {
  const absl::Status status = lifecycle
                                  .Adopt(planned.resource, *planned.observed,
                                         planned.action == PlanAction::kUpdate)
                                  .status();
  if (status.ok() || CloudErrorKindOf(status) != CloudErrorKind::kLateFailure ||
      planned.observed->state != ResourceState::kPending) {
    return status;
  }
  RETURN_IF_ERROR(lifecycle.Remove(planned.resource, *planned.observed,
                                   /*forget=*/true));
  return lifecycle.Make(planned.resource).status();
}

// The switch names all actions, so a new one does not compile unnoticed.
absl::Status MakePlanned(Lifecycle& lifecycle, const PlannedAction& planned) {
  switch (planned.action) {
    case PlanAction::kCreate:
    case PlanAction::kReplace:
      return lifecycle.Make(planned.resource).status();
    case PlanAction::kUpdate:
    case PlanAction::kUnchanged:
      return AdoptPlanned(lifecycle, planned);
    case PlanAction::kDelete:
      break;
  }
  return absl::OkStatus();
}

// Everything that shall be there, in the order of its dependencies; what is
// unchanged is adopted, so that its outputs are known to the others.
void RunCreations(const EngineParts& parts, const Plan& plan,
                  Lifecycle& lifecycle, Outcome& outcome) {
  std::vector<const PlannedAction*> actions;
  std::vector<Resource> resources;
  Positions positions;
  for (const PlannedAction& planned : plan.actions) {
    if (planned.action != PlanAction::kDelete) {
      positions[planned.resource.name] = resources.size();
      actions.push_back(&planned);
      resources.push_back(planned.resource);
    }
  }
  TaskGraph graph{.after = std::vector<std::vector<size_t>>(resources.size()),
                  .parallelism = parts.options.parallelism,
                  .stop = parts.stop};
  for (size_t i = 0; i < resources.size(); ++i) {
    for (const std::string& name : resources[i].depends_on) {
      graph.after[i].push_back(positions.at(name));
    }
  }
  outcome.Take(lifecycle, resources, RunTasks(graph, [&](size_t i) {
                 return MakePlanned(lifecycle, *actions[i]);
               }));
}

// A plan may come from an older process: it is checked as if it were input. The
// guard against deletion is here, where nothing can go around it.
absl::Status CheckPlan(const EngineParts& parts, const Plan& plan) {
  std::vector<Resource> wanted;
  for (const PlannedAction& planned : plan.actions) {
    const bool needs_observed = planned.action == PlanAction::kUpdate ||
                                planned.action == PlanAction::kUnchanged;
    if (needs_observed && !planned.observed) {
      return InvalidArgument(
          fmt::format("plan: {} lacks what is there", planned.resource.name));
    }
    if (planned.action != PlanAction::kDelete) {
      wanted.push_back(planned.resource);
    }
  }
  RETURN_IF_ERROR(DependencyOrder(wanted).status());
  const std::vector<std::string> destroyed = plan.Destroyed();
  if (!destroyed.empty() && !parts.options.allow_deletion) {
    return FailedPrecondition(fmt::format(
        "{} working resources would be deleted or replaced, first \"{}\": "
        "allow it explicitly, or change the config back",
        destroyed.size(), destroyed.front()));
  }
  return absl::OkStatus();
}

// --- Terminate ---------------------------------------------------------------

// All that the journal knows, in the reverse order of dependencies; failures of
// some do not keep the others.
void RemoveJournalled(const EngineParts& parts, Lifecycle& lifecycle,
                      Outcome& outcome) {
  std::vector<Resource> resources;
  for (const JournalEntry& entry : parts.journal.Entries()) {
    resources.push_back({.kind = entry.kind,
                         .name = entry.name,
                         .depends_on = entry.depends_on});
  }
  const TaskGraph graph{.after = ReverseGraph(resources),
                        .parallelism = parts.options.parallelism,
                        .stop_at_failure = false,
                        .stop = parts.stop};
  outcome.Take(lifecycle, resources, RunTasks(graph, [&](size_t i) {
                 return lifecycle.FindAndRemove(resources[i]);
               }));
}

// What a sweep deletes, and how long it bears refusals.
struct SweepOptions {
  bool journalled = true;  // also what the journal knows
  absl::Duration patience = absl::InfiniteDuration();
};

// What one look at everything found.
struct SweepRound {
  size_t found = 0;
  size_t removed = 0;
  absl::Status status = {};  // the first refusal
};

// Deletes what one look at one kind finds.
void SweepKind(const EngineParts& parts, Lifecycle& lifecycle,
               const std::string& kind, const SweepOptions& options,
               SweepRound& round) {
  absl::StatusOr<std::vector<Stray>> listed = lifecycle.List(kind);
  if (!listed.ok()) {
    ++round.found;  // perhaps
    round.status.Update(Annotate(listed.status(), kind));
    return;
  }
  std::vector<Stray> strays = *std::move(listed);
  if (!options.journalled) {
    std::erase_if(strays, [&](const Stray& stray) {
      return parts.journal.Find(stray.name).has_value();
    });
  }
  const TaskGraph graph{
      .after = std::vector<std::vector<size_t>>(strays.size()),
      .parallelism = parts.options.parallelism,
      .stop_at_failure = false,
      .stop = parts.stop};
  const std::vector<absl::Status> results = RunTasks(graph, [&](size_t i) {
    const Resource resource{.kind = kind, .name = strays[i].name};
    return lifecycle.Remove(resource, strays[i].observed, /*forget=*/false,
                            options.patience);
  });
  round.found += strays.size();
  for (size_t i = 0; i < results.size(); ++i) {
    round.removed += results[i].ok() ? 1 : 0;
    round.status.Update(
        Annotate(results[i], kind + " " + strays[i].observed.id));
  }
}

// Until a whole round finds nothing, or achieves nothing. Things that refuse
// are tried again in the next round: what uses them may be gone by then.
absl::Status Sweep(const EngineParts& parts, Lifecycle& lifecycle,
                   const SweepOptions& options) {
  constexpr int kMaxRounds = 20;  // somebody makes them faster than we delete
  for (int number = 1;; ++number) {
    SweepRound round;
    const std::vector<std::string>& kinds = parts.drivers.kinds();
    for (auto kind = kinds.rbegin(); kind != kinds.rend(); ++kind) {
      SweepKind(parts, lifecycle, *kind, options, round);
    }
    // A cloud may list for a while what is already gone.
    const absl::Duration pause =
        parts.options.backoff.Delay(number, parts.random());
    if (round.found == 0 || round.removed == 0 || number == kMaxRounds ||
        !SleepUnlessStopped(parts.clock, pause, parts.stop)) {
      return round.status;
    }
  }
}

// One pass over everything; whether nothing was left to be found at its end.
// Foreign leftovers go first, as far as they let themselves be deleted:
// Kubernetes' load balancers hold on to our networks.
bool TerminateOnce(const EngineParts& parts, Lifecycle& lifecycle,
                   Outcome& outcome) {
  const absl::Status first =
      Sweep(parts, lifecycle,
            {.journalled = false, .patience = absl::ZeroDuration()});
  if (!first.ok()) {
    lifecycle.Report(ProgressStep::kRetrying, {}, Message(first));
  }
  RemoveJournalled(parts, lifecycle, outcome);
  if (parts.stop.stop_requested()) {
    return false;
  }
  const absl::Status last =
      Sweep(parts, lifecycle, {.patience = parts.options.window.settle});
  outcome.Fail(last);
  return last.ok();
}

}  // namespace

// Deletions end before anything is made: a replacement has the name, and often
// the address, of what it replaces.
EngineResult Apply(const EngineParts& parts, const Plan& plan) {
  Lifecycle lifecycle(parts);
  Outcome outcome;
  outcome.Fail(CheckPlan(parts, plan));
  if (outcome.ok()) {
    RunDeletions(parts, plan, lifecycle, outcome);
  }
  if (outcome.ok()) {
    RunCreations(parts, plan, lifecycle, outcome);
  }
  return outcome.Finish(lifecycle);
}

// Twice at most: a second pass finds what Kubernetes made during the first.
EngineResult Terminate(const EngineParts& parts) {
  Lifecycle lifecycle(parts);
  for (bool again = true;; again = false) {
    Outcome outcome;
    const bool empty = TerminateOnce(parts, lifecycle, outcome);
    // What was in the way may have been found by the sweep (Kubernetes makes
    // things until its nodes are gone): then the journal can catch up.
    if (!outcome.ok() && empty && again) {
      continue;
    }
    if (outcome.ok()) {
      outcome.Fail(parts.journal.Finish());
    }
    return outcome.Finish(lifecycle);
  }
}

// The cloud's own words first, then what the user can do.
std::string FailuresToText(const EngineResult& result) {
  std::string text;
  for (const ResourceFailure& failure : result.failures) {
    const CloudError& error = failure.error;
    text += fmt::format("{} ({}): {}{}{}{}\n  {}\n", failure.name, failure.kind,
                        error.message,
                        error.code.empty() ? "" : " (" + error.code + ")",
                        error.request_id.empty() ? "" : ", request ",
                        error.request_id, NextStep(error));
  }
  return text;
}

}  // namespace constellation::cloud
