// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_OPENSTACK_JSON_ACCESS_H_
#define CONSTELLATION_CLOUD_OPENSTACK_JSON_ACCESS_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace constellation::cloud::openstack {

// Fields of JSON that somebody else wrote: whatever is there, these do not
// throw. What is absent or of another type reads as empty.
std::string TextOf(const nlohmann::json& object, std::string_view key);
nlohmann::json ArrayOf(const nlohmann::json& object, std::string_view key);
nlohmann::json ObjectOf(const nlohmann::json& object, std::string_view key);

// The elements of an array in order, each once; an empty array for anything
// else.
nlohmann::json Sorted(const nlohmann::json& array);

}  // namespace constellation::cloud::openstack

#endif  // CONSTELLATION_CLOUD_OPENSTACK_JSON_ACCESS_H_
