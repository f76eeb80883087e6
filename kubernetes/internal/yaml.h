// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_INTERNAL_YAML_H_
#define CONSTELLATION_KUBERNETES_INTERNAL_YAML_H_

#include <yaml-cpp/yaml.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace constellation::kubernetes::internal {

// The YAML documents in `text`, empty ones left out. yaml-cpp throws and its
// parser recurses: here both end. INVALID_ARGUMENT if `text` is no YAML, is
// larger than 4 MiB, nested deeper than 50 levels or uses anchors and aliases
// (which can make small text large).
absl::StatusOr<std::vector<YAML::Node>> LoadYaml(std::string_view text,
                                                 std::string_view what);

// The text of the scalar `map[key]`; empty if it is missing. INVALID_ARGUMENT
// if `map` is no map or the member no scalar.
absl::StatusOr<std::string> TextAt(const YAML::Node& map,
                                   const std::string& key);

}  // namespace constellation::kubernetes::internal

#endif  // CONSTELLATION_KUBERNETES_INTERNAL_YAML_H_
