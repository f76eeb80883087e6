// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_ENGINE_TESTING_IDS_OF_H_
#define CONSTELLATION_CLOUD_ENGINE_TESTING_IDS_OF_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cloud/engine/resource_driver.h"

namespace constellation::cloud::testing {

inline const std::string& IdOf(const Observed& one) {
  return one.id;
}
inline const std::string& IdOf(const Stray& one) {
  return one.observed.id;
}

// Ids of what a driver found or listed, in order; a failed test and nothing for
// an error.
template <typename T>
std::vector<std::string> IdsOf(const absl::StatusOr<std::vector<T>>& found) {
  EXPECT_TRUE(found.ok()) << found.status();
  std::vector<std::string> ids;
  if (found.ok()) {
    for (const T& one : *found) {
      ids.push_back(IdOf(one));
    }
  }
  return ids;
}

}  // namespace constellation::cloud::testing

#endif  // CONSTELLATION_CLOUD_ENGINE_TESTING_IDS_OF_H_
