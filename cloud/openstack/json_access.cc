// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/json_access.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

namespace constellation::cloud::openstack {

using nlohmann::json;

namespace {

const json* Find(const json& object, std::string_view key) {
  if (!object.is_object()) {
    return nullptr;
  }
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

}  // namespace

std::string TextOf(const json& object, std::string_view key) {
  const json* found = Find(object, key);
  return found != nullptr && found->is_string() ? found->get<std::string>()
                                                : "";
}

json ArrayOf(const json& object, std::string_view key) {
  const json* found = Find(object, key);
  return found != nullptr && found->is_array() ? *found : json::array();
}

json ObjectOf(const json& object, std::string_view key) {
  const json* found = Find(object, key);
  return found != nullptr && found->is_object() ? *found : json::object();
}

// For comparing what services return in any order.
json Sorted(const json& array) {
  if (!array.is_array()) {
    return json::array();
  }
  std::vector<json> elements(array.begin(), array.end());
  std::ranges::sort(elements);
  elements.erase(std::unique(elements.begin(), elements.end()), elements.end());
  return elements;
}

}  // namespace constellation::cloud::openstack
