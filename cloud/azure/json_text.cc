// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/json_text.h"

#include <nlohmann/json.hpp>

namespace constellation::cloud::azure {

std::string TextAt(const nlohmann::json& object, std::string_view pointer,
                   size_t max_size) {
  const nlohmann::json::json_pointer at{std::string(pointer)};
  if (!object.contains(at) || !object.at(at).is_string()) {
    return "";
  }
  const auto& text = object.at(at).get_ref<const std::string&>();
  return text.size() > max_size ? "" : text;
}

}  // namespace constellation::cloud::azure
