// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_ENGINE_TESTING_MEMORY_CLOUD_H_
#define CONSTELLATION_CLOUD_ENGINE_TESTING_MEMORY_CLOUD_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cloud/engine/cloud_error.h"
#include "cloud/engine/resource_driver.h"
#include "cloud/engine/testing/kill_switch.h"
#include "common/clock.h"

namespace constellation::cloud::testing {

// How unpleasant a MemoryCloud is. Probabilities are per call.
struct CloudFaults {
  double throttled = 0;       // not executed
  double unavailable = 0;     // not executed
  double answer_lost = 0;     // executed
  double request_lost = 0;    // not executed, looks like answer_lost
  double executed_later = 0;  // looks like answer_lost, executed in <= 30 s
  absl::Duration hidden = absl::ZeroDuration();  // at most, after a change
  int late_failures = 0;  // of each name's first creations
  size_t page_size = 1000;
};

// Where a kind differs from the others.
struct MemoryKind {
  std::string kind = {};
  DriverTraits traits = {};
  bool unique_name = false;  // refuses a second thing of the same name
  absl::Duration ready_after = absl::ZeroDuration();
  absl::Duration gone_after = absl::ZeroDuration();
};

// A cloud in memory with everything that makes clouds hard: eventual
// consistency, lost answers, throttling, late failures, things in use, paging.
// Survives the "processes" that use it. Thread-safe.
class MemoryCloud final {
 public:
  MemoryCloud(FakeClock& clock, KillSwitch& kill, uint64_t seed);
  ~MemoryCloud();

  void SetFaults(const CloudFaults& faults);
  // Fails the next calls of Create() for `name` with `error`, once each.
  void FailCreate(const std::string& name, const CloudError& error);
  ResourceDriver& AddKind(const MemoryKind& kind);
  const DriverRegistry& drivers() const { return drivers_; }

  // Makes a thing behind everybody's back. `name` may be empty; `uses` names
  // things by their ids.
  std::string Plant(std::string_view kind, std::string_view uid,
                    std::string_view name,
                    const std::vector<std::string>& uses);
  // Deletes a thing behind everybody's back.
  void Lose(std::string_view id);

  // "kind/name" of everything of `uid` that exists, sorted; late executions
  // first. Failed ones carry a '!', unfinished ones a '?'.
  std::vector<std::string> Inventory(std::string_view uid);
  int creations() const;
  int calls() const;

 private:
  friend class MemoryDriver;
  struct Thing;
  enum class Fault { kNone, kAnswerLost, kExecutedLater };

  absl::StatusOr<Fault> Enter(bool changes) ABSL_LOCKS_EXCLUDED(mutex_);
  bool Chance(double probability) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Duration Some(absl::Duration most)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Tick() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Exists(const Thing& thing) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Shown(const Thing& thing) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Observed Look(const Thing& thing) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Thing* FindShown(std::string_view kind, std::string_view id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  FakeClock& clock_;
  KillSwitch& kill_;
  mutable absl::Mutex mutex_;
  std::mt19937_64 random_ ABSL_GUARDED_BY(mutex_);
  CloudFaults faults_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<CloudError>> scripted_
      ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Thing>> things_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<absl::Time, std::function<void(absl::Time)>>> later_
      ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int> made_by_name_ ABSL_GUARDED_BY(mutex_);
  int creations_ ABSL_GUARDED_BY(mutex_) = 0;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::unique_ptr<ResourceDriver>> owned_;
  DriverRegistry drivers_;
};

}  // namespace constellation::cloud::testing

#endif  // CONSTELLATION_CLOUD_ENGINE_TESTING_MEMORY_CLOUD_H_
