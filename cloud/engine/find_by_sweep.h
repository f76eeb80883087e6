// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_ENGINE_FIND_BY_SWEEP_H_
#define CONSTELLATION_CLOUD_ENGINE_FIND_BY_SWEEP_H_

#include <vector>

#include "absl/status/statusor.h"
#include "cloud/engine/resource_driver.h"
#include "common/status_macros.h"

namespace constellation::cloud {

// For ResourceDriver::Find() of a thing of which neither journal nor plan tells
// where it is, only that it was asked for: what carries its name among all of
// this kind that the cluster has. Errors of `driver.List()`.
inline absl::StatusOr<std::vector<Observed>> FindBySweep(
    ResourceDriver& driver, const DriverContext& context) {
  ASSIGN_OR_RETURN(const std::vector<Stray> strays,
                   driver.List(context.cluster));
  std::vector<Observed> found;
  for (const Stray& stray : strays) {
    if (stray.name == context.resource.name) {
      found.push_back(stray.observed);
    }
  }
  return found;
}

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_ENGINE_FIND_BY_SWEEP_H_
