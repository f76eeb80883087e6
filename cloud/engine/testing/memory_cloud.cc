// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/testing/memory_cloud.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::testing {
namespace {

using Kind = CloudErrorKind;

constexpr absl::Duration kLatest = absl::Seconds(30);

absl::Status Error(Kind kind, std::string_view message) {
  return MakeCloudError({.kind = kind, .message = std::string(message)});
}

absl::Status Killed() {
  return absl::CancelledError("killed");
}

}  // namespace

struct MemoryCloud::Thing {
  MemoryKind kind;
  std::string id;
  std::string uid;
  std::string name;
  std::string token;
  nlohmann::json attributes;
  std::vector<std::string> uses;  // ids
  absl::Time shown_from;
  absl::Time ready_at;
  absl::Time gone_at = absl::InfiniteFuture();
  bool fails = false;
};

// All kinds behave by their MemoryKind. Every call is two steps of the kill
// switch: before its effect, and after it (the answer is lost).
class MemoryDriver final : public ResourceDriver {
 public:
  MemoryDriver(MemoryCloud& cloud, MemoryKind kind)
      : cloud_(cloud), kind_(std::move(kind)) {}

  DriverTraits Traits() const override { return kind_.traits; }

  absl::StatusOr<std::vector<Observed>> Find(
      const DriverContext& context) override {
    RETURN_IF_ERROR(cloud_.Enter(/*changes=*/false).status());
    const absl::MutexLock lock(&cloud_.mutex_);
    std::vector<Observed> found;
    for (const auto& thing : cloud_.things_) {
      if (thing->kind.kind == kind_.kind && thing->uid == context.cluster.uid &&
          thing->name == context.resource.name && cloud_.Shown(*thing)) {
        Observed observed = cloud_.Look(*thing);
        if (observed.state != ResourceState::kDeleting) {
          found.push_back(std::move(observed));
        }
      }
    }
    return found;
  }

  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view token) override {
    ASSIGN_OR_RETURN(const MemoryCloud::Fault fault,
                     cloud_.Enter(/*changes=*/true));
    absl::StatusOr<Observed> made;
    {
      const absl::MutexLock lock(&cloud_.mutex_);
      auto scripted = cloud_.scripted_.find(context.resource.name);
      if (scripted != cloud_.scripted_.end() && !scripted->second.empty()) {
        const CloudError error = scripted->second.front();
        scripted->second.erase(scripted->second.begin());
        return MakeCloudError(error);
      }
      ASSIGN_OR_RETURN(std::vector<std::string> uses, Uses(context));
      if (fault == MemoryCloud::Fault::kExecutedLater) {
        cloud_.later_.emplace_back(
            cloud_.clock_.Now() + cloud_.Some(kLatest),
            [this, uid = context.cluster.uid, resource = context.resource,
             token = std::string(token), uses](absl::Time when) {
              cloud_.mutex_.AssertHeld();
              (void)Add(uid, resource, token, uses, when);
            });
        return Error(Kind::kUnclear, "connection lost");
      }
      made = Add(context.cluster.uid, context.resource, token, uses,
                 cloud_.clock_.Now());
    }
    return Answer(fault, std::move(made));
  }

  std::vector<AttributeChange> Differs(const DriverContext& context,
                                       const Observed& observed) override {
    std::vector<AttributeChange> changes;
    for (const auto& [key, want] : context.resource.desired.items()) {
      const nlohmann::json got =
          observed.attributes.value(key, nlohmann::json());
      if (got != want) {
        changes.push_back({.attribute = key,
                           .from = got,
                           .to = want,
                           .needs_replacement = key.starts_with("fixed")});
      }
    }
    return changes;
  }

  absl::StatusOr<Observed> Update(const DriverContext& context,
                                  const Observed& observed) override {
    ASSIGN_OR_RETURN(const MemoryCloud::Fault fault,
                     cloud_.Enter(/*changes=*/true));
    absl::StatusOr<Observed> updated;
    {
      const absl::MutexLock lock(&cloud_.mutex_);
      MemoryCloud::Thing* thing = cloud_.FindShown(kind_.kind, observed.id);
      if (thing == nullptr) {
        return Error(Kind::kNotFound, "no such thing");
      }
      thing->attributes = context.resource.desired;
      updated = cloud_.Look(*thing);
    }
    return Answer(fault, std::move(updated));
  }

  absl::StatusOr<Observed> Refresh(const DriverContext& /*context*/,
                                   const Observed& observed) override {
    RETURN_IF_ERROR(cloud_.Enter(/*changes=*/false).status());
    const absl::MutexLock lock(&cloud_.mutex_);
    const MemoryCloud::Thing* thing = cloud_.FindShown(kind_.kind, observed.id);
    if (thing == nullptr) {
      return Error(Kind::kNotFound, "no such thing");
    }
    return cloud_.Look(*thing);
  }

  absl::Status Delete(const DriverContext& /*context*/,
                      const Observed& observed) override {
    ASSIGN_OR_RETURN(const MemoryCloud::Fault fault,
                     cloud_.Enter(/*changes=*/true));
    absl::StatusOr<Observed> deleted;
    {
      const absl::MutexLock lock(&cloud_.mutex_);
      MemoryCloud::Thing* thing = cloud_.FindShown(kind_.kind, observed.id);
      if (thing == nullptr) {
        return Error(Kind::kNotFound, "no such thing");
      }
      for (const auto& other : cloud_.things_) {
        if (cloud_.Exists(*other) &&
            std::ranges::find(other->uses, thing->id) != other->uses.end()) {
          return Error(Kind::kDependency, "used by " + other->id);
        }
      }
      thing->gone_at =
          std::min(thing->gone_at, cloud_.clock_.Now() + kind_.gone_after);
      deleted = Observed{};
    }
    return Answer(fault, std::move(deleted)).status();
  }

  // One call a page.
  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& cluster) override {
    std::vector<Stray> strays;
    for (size_t start = 0;;) {
      RETURN_IF_ERROR(cloud_.Enter(/*changes=*/false).status());
      const absl::MutexLock lock(&cloud_.mutex_);
      const size_t end =
          std::min(start + cloud_.faults_.page_size, cloud_.things_.size());
      for (; start < end; ++start) {
        const MemoryCloud::Thing& thing = *cloud_.things_[start];
        if (thing.kind.kind == kind_.kind && thing.uid == cluster.uid &&
            cloud_.Shown(thing)) {
          strays.push_back(
              {.name = thing.name, .observed = cloud_.Look(thing)});
        }
      }
      if (start >= cloud_.things_.size()) {
        return strays;
      }
    }
  }

  const MemoryKind& kind() const { return kind_; }

 private:
  absl::StatusOr<Observed> Answer(MemoryCloud::Fault fault,
                                  absl::StatusOr<Observed> answer) {
    if (!cloud_.kill_.Step()) {
      return Killed();
    }
    if (fault == MemoryCloud::Fault::kAnswerLost && answer.ok()) {
      return Error(Kind::kUnclear, "connection lost");
    }
    return answer;
  }

  // Ids of all dependencies, which must be ready: the engine's order.
  absl::StatusOr<std::vector<std::string>> Uses(const DriverContext& context)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(cloud_.mutex_) {
    std::vector<std::string> ids;
    for (const std::string& name : context.resource.depends_on) {
      const Observed* dependency = context.dependency(name);
      if (dependency == nullptr) {
        return Error(Kind::kInvalid, "dependency unknown: " + name);
      }
      const auto thing =
          std::ranges::find_if(cloud_.things_, [&](const auto& candidate) {
            return candidate->id == dependency->id;
          });
      if (thing == cloud_.things_.end() || !cloud_.Shown(**thing)) {
        return Error(Kind::kNotFound, "no " + name + " yet");
      }
      if (cloud_.Look(**thing).state != ResourceState::kReady) {
        return Error(Kind::kInvalid, "dependency not ready: " + name);
      }
      ids.push_back(dependency->id);
    }
    return ids;
  }

  absl::StatusOr<Observed> Add(const std::string& uid, const Resource& resource,
                               std::string_view token,
                               const std::vector<std::string>& uses,
                               absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(cloud_.mutex_) {
    for (const auto& thing : cloud_.things_) {
      if (thing->kind.kind != kind_.kind) {
        continue;
      }
      // Clouds remember tokens longer than what was made with them.
      if (kind_.traits.create_is_idempotent && thing->token == token) {
        return cloud_.Exists(*thing)
                   ? absl::StatusOr<Observed>(cloud_.Look(*thing))
                   : Error(Kind::kInvalid, "token was used before");
      }
      if (!cloud_.Exists(*thing)) {
        continue;
      }
      if (kind_.unique_name && thing->name == resource.name) {
        return Error(Kind::kNameTaken, "name taken");
      }
    }
    auto thing = std::make_unique<MemoryCloud::Thing>();
    thing->kind = kind_;
    thing->id = fmt::format("{}-{}", kind_.kind, ++cloud_.creations_);
    thing->uid = uid;
    thing->name = resource.name;
    thing->token = std::string(token);
    thing->attributes = resource.desired;
    thing->uses = uses;
    thing->shown_from = now + cloud_.Some(cloud_.faults_.hidden);
    thing->ready_at = now + kind_.ready_after;
    thing->fails =
        cloud_.made_by_name_[resource.name]++ < cloud_.faults_.late_failures;
    cloud_.things_.push_back(std::move(thing));
    return cloud_.Look(*cloud_.things_.back());
  }

  MemoryCloud& cloud_;
  const MemoryKind kind_;
};

MemoryCloud::MemoryCloud(FakeClock& clock, KillSwitch& kill, uint64_t seed)
    : clock_(clock), kill_(kill), random_(seed) {}

MemoryCloud::~MemoryCloud() = default;

void MemoryCloud::SetFaults(const CloudFaults& faults) {
  const absl::MutexLock lock(&mutex_);
  faults_ = faults;
}

void MemoryCloud::FailCreate(const std::string& name, const CloudError& error) {
  const absl::MutexLock lock(&mutex_);
  scripted_[name].push_back(error);
}

ResourceDriver& MemoryCloud::AddKind(const MemoryKind& kind) {
  owned_.push_back(std::make_unique<MemoryDriver>(*this, kind));
  drivers_.Add(kind.kind, *owned_.back());
  return *owned_.back();
}

bool MemoryCloud::Chance(double probability) {
  return std::uniform_real_distribution<double>(0, 1)(random_) < probability;
}

absl::Duration MemoryCloud::Some(absl::Duration most) {
  return most * std::uniform_real_distribution<double>(0, 1)(random_);
}

void MemoryCloud::Tick() {
  const absl::Time now = clock_.Now();
  for (size_t i = 0; i < later_.size();) {
    if (later_[i].first <= now) {
      const auto [when, action] = std::move(later_[i]);
      later_.erase(later_.begin() + static_cast<ptrdiff_t>(i));
      action(when);  // as of then, although nobody looked
    } else {
      ++i;
    }
  }
}

bool MemoryCloud::Exists(const Thing& thing) const {
  return clock_.Now() < thing.gone_at;
}

bool MemoryCloud::Shown(const Thing& thing) const {
  return Exists(thing) && clock_.Now() >= thing.shown_from;
}

Observed MemoryCloud::Look(const Thing& thing) const {
  Observed observed{.id = thing.id, .attributes = thing.attributes};
  if (thing.gone_at != absl::InfiniteFuture()) {
    observed.state = ResourceState::kDeleting;
  } else if (clock_.Now() < thing.ready_at) {
    observed.state = ResourceState::kPending;
  } else if (thing.fails) {
    observed.state = ResourceState::kFailed;
    observed.detail = "the machine did not start";
  }
  return observed;
}

MemoryCloud::Thing* MemoryCloud::FindShown(std::string_view kind,
                                           std::string_view id) {
  for (const auto& thing : things_) {
    if (thing->kind.kind == kind && thing->id == id && Shown(*thing)) {
      return thing.get();
    }
  }
  return nullptr;
}

absl::StatusOr<MemoryCloud::Fault> MemoryCloud::Enter(bool changes) {
  if (!kill_.Step()) {
    return Killed();
  }
  const absl::MutexLock lock(&mutex_);
  ++calls_;
  Tick();
  if (Chance(faults_.throttled)) {
    return Error(Kind::kThrottled, "slow down");
  }
  if (Chance(faults_.unavailable)) {
    return Error(Kind::kUnavailable, "503");
  }
  if (changes && Chance(faults_.request_lost)) {
    return Error(Kind::kUnclear, "connection lost");
  }
  if (changes && Chance(faults_.executed_later)) {
    return Fault::kExecutedLater;
  }
  return changes && Chance(faults_.answer_lost) ? Fault::kAnswerLost
                                                : Fault::kNone;
}

std::string MemoryCloud::Plant(std::string_view kind, std::string_view uid,
                               std::string_view name,
                               const std::vector<std::string>& uses) {
  const auto owner = std::ranges::find_if(owned_, [&](const auto& driver) {
    return drivers_.Get(kind) == driver.get();
  });
  const absl::MutexLock lock(&mutex_);
  auto thing = std::make_unique<Thing>();
  thing->kind = static_cast<const MemoryDriver&>(**owner).kind();
  thing->id = fmt::format("{}-{}", kind, ++creations_);
  thing->uid = std::string(uid);
  thing->name = std::string(name);
  thing->attributes = nlohmann::json::object();
  thing->uses = uses;
  thing->shown_from = clock_.Now();
  thing->ready_at = clock_.Now();
  things_.push_back(std::move(thing));
  return things_.back()->id;
}

void MemoryCloud::Lose(std::string_view id) {
  const absl::MutexLock lock(&mutex_);
  for (const auto& thing : things_) {
    if (thing->id == id) {
      thing->gone_at = clock_.Now();
    }
  }
}

std::vector<std::string> MemoryCloud::Inventory(std::string_view uid) {
  clock_.Advance(kLatest);
  const absl::MutexLock lock(&mutex_);
  Tick();
  std::vector<std::string> names;
  for (const auto& thing : things_) {
    if (thing->uid == uid && Exists(*thing)) {
      const ResourceState state = Look(*thing).state;
      names.push_back(thing->kind.kind + "/" + thing->name +
                      (state == ResourceState::kFailed  ? "!"
                       : state == ResourceState::kReady ? ""
                                                        : "?"));
    }
  }
  std::ranges::sort(names);
  return names;
}

int MemoryCloud::creations() const {
  const absl::MutexLock lock(&mutex_);
  return creations_;
}

int MemoryCloud::calls() const {
  const absl::MutexLock lock(&mutex_);
  return calls_;
}

}  // namespace constellation::cloud::testing
