// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_GROUP_CONTENTS_H_
#define CONSTELLATION_CLOUD_AZURE_GROUP_CONTENTS_H_

#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "cloud/azure/arm_names.h"

namespace constellation::cloud::azure {

// Whether the group of `scope` may be deleted with the identities that `iam
// create` made under `uid`. `contents` are the elements of ARM's list of what
// is in the group. OK if all of them are such identities; else
// FAILED_PRECONDITION, which says what else is there (at most ten ids) and what
// to do about clusters, images and other things. Pure.
// What the list leaves out (roles, things made a moment ago) is not looked at.
absl::Status CheckOnlyIdentities(const ArmScope& scope, std::string_view uid,
                                 const std::vector<nlohmann::json>& contents);

}  // namespace constellation::cloud::azure

#endif  // CONSTELLATION_CLOUD_AZURE_GROUP_CONTENTS_H_
