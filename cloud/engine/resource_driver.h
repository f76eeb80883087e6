// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_ENGINE_RESOURCE_DRIVER_H_
#define CONSTELLATION_CLOUD_ENGINE_RESOURCE_DRIVER_H_

#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cloud/engine/resource.h"

namespace constellation::cloud {

// Whose things these are.
struct ClusterIdentity {
  std::string uid = {};    // [a-z0-9], tagged on everything
  std::string name = {};   // of the cluster, from the config
  std::string cloud = {};  // "aws", ...
  std::string scope = {};  // account, subscription or project, and region
};

// What a driver gets with every call about one resource.
struct DriverContext {
  const ClusterIdentity& cluster;
  const Resource& resource;
  // The id in the journal, if it was ever known: a direct question may be
  // answered before a question by tag.
  std::string known_id;
  // What a dependency looks like; null if unknown. Valid during the call.
  std::function<const Observed*(std::string_view name)> dependency;
  std::stop_token stop;
};

// One difference between what is wanted and what is there.
struct AttributeChange {
  std::string attribute;
  nlohmann::json from;
  nlohmann::json to;
  bool needs_replacement = false;  // no call changes it in place
};

// Something with our uid, found by a sweep.
struct Stray {
  std::string name = {};  // of its tag; empty if it has none (Kubernetes' own)
  Observed observed = {};
};

// How one kind behaves.
struct DriverTraits {
  // Create() with the same token makes nothing twice: a lost answer is simply
  // asked for again. Without it the engine looks until the cloud must have
  // shown it.
  bool create_is_idempotent = false;
  absl::Duration ready_timeout = absl::Minutes(20);
  absl::Duration gone_timeout = absl::Minutes(15);
};

// The boundary to one kind of things in one cloud. All calls return soon: none
// waits for the cloud, the engine does. Failures are made by MakeCloudError()
// or by a transport. Thread-safe.
class ResourceDriver {
 public:
  virtual ~ResourceDriver() = default;

  virtual DriverTraits Traits() const = 0;

  // Everything that carries the cluster's uid and the resource's name, failed
  // and half-made ones included, those being deleted not; by `known_id` too.
  // Empty if there is nothing (yet).
  virtual absl::StatusOr<std::vector<Observed>> Find(
      const DriverContext& context) = 0;

  // Starts making it, tags in the same call where the cloud can. `token` is 1
  // to 64 characters of [a-z0-9-], the same for every attempt at one thing.
  // kConflict while a namesake of ours is still being deleted, kNotFound while
  // the cloud does not show a dependency yet (not for what the config names).
  virtual absl::StatusOr<Observed> Create(const DriverContext& context,
                                          std::string_view token) = 0;

  // What differs; empty if nothing does. No I/O.
  virtual std::vector<AttributeChange> Differs(const DriverContext& context,
                                               const Observed& observed) = 0;

  // Changes in place all that can be. Repeating it is harmless.
  virtual absl::StatusOr<Observed> Update(const DriverContext& context,
                                          const Observed& observed) = 0;

  // Its condition now; kNotFound if the cloud does not show it.
  virtual absl::StatusOr<Observed> Refresh(const DriverContext& context,
                                           const Observed& observed) = 0;

  // Starts deleting it. kNotFound if it is not there, kDependency while
  // something uses it. Repeating it is harmless.
  virtual absl::Status Delete(const DriverContext& context,
                              const Observed& observed) = 0;

  // Everything of this kind with the cluster's uid (all pages). For sweeping.
  virtual absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& cluster) = 0;
};

// The drivers of one cloud. Kinds are added in the order in which things are
// made: strays go in the reverse order.
class DriverRegistry final {
 public:
  // `driver` must outlive the registry. A second driver of a kind is ignored.
  void Add(std::string_view kind, ResourceDriver& driver) {
    if (drivers_.emplace(kind, &driver).second) {
      kinds_.emplace_back(kind);
    }
  }
  // Null for an unknown kind.
  ResourceDriver* Get(std::string_view kind) const {
    const auto found = drivers_.find(kind);
    return found == drivers_.end() ? nullptr : found->second;
  }
  const std::vector<std::string>& kinds() const { return kinds_; }

 private:
  std::map<std::string, ResourceDriver*, std::less<>> drivers_;
  std::vector<std::string> kinds_;
};

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_ENGINE_RESOURCE_DRIVER_H_
