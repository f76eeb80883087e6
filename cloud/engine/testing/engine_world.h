// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_ENGINE_TESTING_ENGINE_WORLD_H_
#define CONSTELLATION_CLOUD_ENGINE_TESTING_ENGINE_WORLD_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cloud/engine/executor.h"
#include "cloud/engine/journal.h"
#include "cloud/engine/plan.h"
#include "cloud/engine/testing/kill_switch.h"
#include "cloud/engine/testing/memory_cloud.h"
#include "common/clock.h"

namespace constellation::cloud::testing {

// A cluster as a small one looks: networks, addresses, a balancer, two groups.
inline std::vector<Resource> SmallCluster() {
  return {
      {.kind = "network", .name = "net"},
      {.kind = "subnet", .name = "subnet-a", .depends_on = {"net"}},
      {.kind = "subnet", .name = "subnet-b", .depends_on = {"net"}},
      {.kind = "firewall", .name = "firewall", .depends_on = {"net"}},
      {.kind = "address", .name = "address"},
      {.kind = "balancer",
       .name = "balancer",
       .depends_on = {"subnet-a", "subnet-b", "address"}},
      {.kind = "group",
       .name = "control-plane",
       .desired = {{"size", 3}, {"fixed-image", "1"}},
       .depends_on = {"subnet-a", "firewall", "balancer"}},
      {.kind = "group",
       .name = "worker",
       .desired = {{"size", 2}, {"fixed-image", "1"}},
       .depends_on = {"subnet-b", "firewall"}},
  };
}

inline std::vector<std::string> Inventory(
    const std::vector<Resource>& resources) {
  std::vector<std::string> names;
  for (const Resource& resource : resources) {
    names.push_back(resource.kind + "/" + resource.name);
  }
  std::ranges::sort(names);
  return names;
}

// A cloud, a disk, and "processes" that work on them one after the other.
class EngineWorld {
 public:
  explicit EngineWorld(uint64_t seed = 1)
      : cloud(clock, kill, seed), storage(kill), random_(seed) {
    using absl::Seconds;
    cloud.AddKind({.kind = "network", .gone_after = Seconds(1)});
    cloud.AddKind({.kind = "subnet", .ready_after = Seconds(2)});
    cloud.AddKind({.kind = "firewall", .unique_name = true});
    cloud.AddKind({.kind = "address"});
    cloud.AddKind({.kind = "balancer",
                   .traits = {.create_is_idempotent = true},
                   .unique_name = true,
                   .ready_after = Seconds(90),
                   .gone_after = Seconds(60)});
    // Every thread's sleep moves the one clock: with many of them a time-out of
    // minutes may be over before its owner was ever scheduled.
    cloud.AddKind({.kind = "group",
                   .traits = {.create_is_idempotent = true,
                              .ready_timeout = absl::Hours(24),
                              .gone_timeout = absl::Hours(24)},
                   .ready_after = Seconds(40),
                   .gone_after = Seconds(20)});
  }

  // A new process: reads the journal, forgets everything else.
  absl::Status Start() {
    auto opened = Journal::Open(storage, clock, cluster, options.window);
    if (!opened.ok()) {
      return opened.status();
    }
    journal = std::move(*opened);
    return absl::OkStatus();
  }

  EngineParts Parts() {
    return {.cluster = cluster,
            .drivers = cloud.drivers(),
            .journal = *journal,
            .clock = clock,
            .random =
                [this] {
                  const absl::MutexLock lock(&mutex_);
                  return std::uniform_real_distribution<double>(0, 1)(random_);
                },
            .options = options,
            .progress = [this](const Progress& line) { log.push_back(line); },
            .stop = stop};
  }

  // One process that plans and applies. What the plan was is in `plan`.
  EngineResult RunApply(const std::vector<Resource>& desired) {
    EngineResult result;
    result.status = Start();
    if (!result.status.ok()) {
      return result;
    }
    const EngineParts parts = Parts();
    auto computed = ComputePlan(parts, desired);
    if (!computed.ok()) {
      result.status = computed.status();
      return result;
    }
    plan = *std::move(computed);
    return Apply(parts, plan);
  }

  // One process that terminates.
  EngineResult RunTerminate() {
    EngineResult result;
    result.status = Start();
    return result.status.ok() ? Terminate(Parts()) : result;
  }

  ClusterIdentity cluster{
      .uid = "0a1b2c3d", .name = "demo", .cloud = "memory", .scope = "here"};
  FakeClock clock{absl::FromUnixSeconds(1'800'000'000)};
  KillSwitch kill;
  MemoryCloud cloud;
  MemoryJournalStorage storage;
  EngineOptions options{.parallelism = 1};
  std::unique_ptr<Journal> journal;
  Plan plan;
  std::vector<Progress> log;
  std::stop_token stop;

 private:
  absl::Mutex mutex_;
  std::mt19937_64 random_;
};

}  // namespace constellation::cloud::testing

#endif  // CONSTELLATION_CLOUD_ENGINE_TESTING_ENGINE_WORLD_H_
