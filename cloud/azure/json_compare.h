// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_JSON_COMPARE_H_
#define CONSTELLATION_CLOUD_AZURE_JSON_COMPARE_H_

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace constellation::cloud::azure {

// Children of ours (rules, probes, subnets) have names that start so. Those
// with other names belong to someone else: Kubernetes adds rules to our lists.
inline constexpr std::string_view kOwnChild = "constellation-";

// Whether `got` has all that `want` has. What Azure adds (defaults, ids,
// states) and what other owners add does not count.
//  * objects: every key of `want`;
//  * lists of objects with names: every element of `want`, by name, and no
//    other one that is called like ours;
//  * other lists: the same elements in any order;
//  * text: ids ("/subscriptions/...") in any case, all else exactly.
// Recursion is as deep as `want`, which is ours.
bool Covers(const nlohmann::json& got, const nlohmann::json& want);

// `want`, in which every list of named objects also has other owners' elements
// of the same list in `got`, without what Azure alone may write ("etag",
// "provisioningState", "resourceGuid"), and "tags" every tag. For a PUT, which
// replaces lists whole.
nlohmann::json KeepForeignChildren(const nlohmann::json& want,
                                   const nlohmann::json& got);

}  // namespace constellation::cloud::azure

#endif  // CONSTELLATION_CLOUD_AZURE_JSON_COMPARE_H_
