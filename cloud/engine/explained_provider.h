// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_ENGINE_EXPLAINED_PROVIDER_H_
#define CONSTELLATION_CLOUD_ENGINE_EXPLAINED_PROVIDER_H_

#include <memory>

#include "absl/status/status.h"
#include "cloud/provider.h"

namespace constellation::cloud {

// `status` with NextStep() in a second line behind its message, if it is a
// cloud's error (MakeCloudError()) without one; code and payloads stay.
// Everything else, OK too, comes back as it is. Pure.
absl::Status WithNextStep(const absl::Status& status);

// `inner`, every error of which says what the user can do about it. What its
// drivers say is left as it is: the engine explains that by itself, except for
// ComputePlan(). As thread-safe as `inner`.
std::unique_ptr<Provider> MakeExplainedProvider(
    std::unique_ptr<Provider> inner);

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_ENGINE_EXPLAINED_PROVIDER_H_
