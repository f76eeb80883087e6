// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_ENGINE_EXECUTOR_H_
#define CONSTELLATION_CLOUD_ENGINE_EXECUTOR_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cloud/engine/cloud_error.h"
#include "cloud/engine/lifecycle.h"
#include "cloud/engine/plan.h"

namespace constellation::cloud {

// One resource that could not be brought where it should be.
struct ResourceFailure {
  std::string kind = {};
  std::string name = {};
  CloudError error = {};
};

// What a run achieved.
struct EngineResult {
  // OK, or the first failure with the resource's name in front.
  absl::Status status;
  std::vector<ResourceFailure> failures = {};    // not those never started
  std::map<std::string, Observed> outputs = {};  // by name, of what is ready
};

// Does what `plan` says: deletions first, in the reverse order of dependencies,
// then creates and changes in their order; independent resources in parallel.
// At the first failure nothing more is started, what runs is finished, and the
// same command can go on later. FAILED_PRECONDITION, before anything is done,
// if working things would be destroyed and EngineOptions::allow_deletion is not
// set.
EngineResult Apply(const EngineParts& parts, const Plan& plan);

// Deletes everything with the cluster's uid: what the journal does not know as
// far as nothing uses it (Kubernetes' leftovers), what it knows in the reverse
// order of dependencies, then whatever is left, of all kinds, until none is
// found. Goes on after failures as far as it can. At the end, if all went well,
// the journal is deleted. Repeating it is harmless.
EngineResult Terminate(const EngineParts& parts);

// "name (kind): message (code)" and the next step, for each failure.
std::string FailuresToText(const EngineResult& result);

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_ENGINE_EXECUTOR_H_
