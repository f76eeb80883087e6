// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_JSON_H_
#define CONSTELLATION_KUBERNETES_JSON_H_

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace constellation::kubernetes {

using Json = nlohmann::json;

// Objects nested deeper than this are refused: no Kubernetes object is.
inline constexpr int kMaxJsonDepth = 100;

// Parses `text`. INVALID_ARGUMENT if it is not exactly one JSON value or is
// nested too deeply. `what` names the text in the message; the text itself is
// never quoted.
absl::StatusOr<Json> ParseJson(std::string_view text, std::string_view what);

// `value` on one line. Octets that are not UTF-8 become U+FFFD.
std::string ToText(const Json& value);

// The member at `path`, or nullptr if a step is missing or is no object. Valid
// as long as `object` is unchanged.
const Json* Find(const Json& object,
                 std::initializer_list<std::string_view> path);

// The text, integer or flag at `path`; nothing if it is missing or has another
// type.
std::optional<std::string> FindString(
    const Json& object, std::initializer_list<std::string_view> path);
std::optional<int64_t> FindInteger(
    const Json& object, std::initializer_list<std::string_view> path);
std::optional<bool> FindBool(const Json& object,
                             std::initializer_list<std::string_view> path);

// The string at `path`. NOT_FOUND, naming the path, if it is missing, no text
// or empty.
absl::StatusOr<std::string> RequireString(
    const Json& object, std::initializer_list<std::string_view> path);

}  // namespace constellation::kubernetes

#endif  // CONSTELLATION_KUBERNETES_JSON_H_
