// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_ENGINE_RESOURCE_H_
#define CONSTELLATION_CLOUD_ENGINE_RESOURCE_H_

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cloud/engine/cloud_error.h"

namespace constellation::cloud {

// Something that shall exist. `name` is the plan's own name for it: it goes
// into a tag, so that it is found again whatever the cloud calls it.
struct Resource {
  std::string kind = {};  // who drives it, "aws.vpc"
  std::string name = {};  // unique in the plan; 1-63 characters of [a-z0-9-]
  std::map<std::string, std::string> tags = {};
  nlohmann::json desired = nlohmann::json::object();
  // Names of resources that must be ready before, and gone after, this one.
  std::vector<std::string> depends_on = {};
};

// In what condition the cloud says that something is.
enum class ResourceState {
  kPending,   // being made
  kReady,     // usable
  kFailed,    // will never be
  kDeleting,  // on its way out
};

// Something that exists, as a driver found it. Not trusted, and with eventual
// consistency not even current.
struct Observed {
  std::string id = {};  // the cloud's name for it; unique within the kind
  ResourceState state = ResourceState::kReady;
  std::string detail = {};  // why it is pending or failed, for people
  nlohmann::json attributes = nlohmann::json::object();
  // What kFailed means, where the cloud says it (quota, capacity).
  CloudErrorKind failure = CloudErrorKind::kLateFailure;
};

// Checks names, that dependencies exist and form no circle. Returns indexes
// into `resources`, every one behind all it depends on. INVALID_ARGUMENT names
// the offender.
absl::StatusOr<std::vector<size_t>> DependencyOrder(
    const std::vector<Resource>& resources);

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_ENGINE_RESOURCE_H_
