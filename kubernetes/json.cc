// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/json.h"

#include <fmt/format.h>

#include "common/status.h"

namespace constellation::kubernetes {
namespace {

// "metadata.name", for messages.
std::string Dotted(std::initializer_list<std::string_view> path) {
  std::string dotted;
  for (std::string_view step : path) {
    if (!dotted.empty()) dotted += '.';
    dotted += step;
  }
  return dotted;
}

}  // namespace

absl::StatusOr<Json> ParseJson(std::string_view text, std::string_view what) {
  bool too_deep = false;
  const auto depth_guard = [&too_deep](int depth, Json::parse_event_t /*event*/,
                                       Json& /*value*/) {
    too_deep = too_deep || depth >= kMaxJsonDepth;
    return !too_deep;
  };
  Json value = Json::parse(text.begin(), text.end(), depth_guard,
                           /*allow_exceptions=*/false);
  if (too_deep) {
    return InvalidArgument(fmt::format("{}: JSON nested deeper than {} levels",
                                       what, kMaxJsonDepth));
  }
  if (value.is_discarded()) {
    return InvalidArgument(
        fmt::format("{}: {} octets that are not JSON", what, text.size()));
  }
  return value;
}

std::string ToText(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const Json* Find(const Json& object,
                 std::initializer_list<std::string_view> path) {
  const Json* at = &object;
  for (std::string_view step : path) {
    if (!at->is_object()) return nullptr;
    const auto member = at->find(step);
    if (member == at->end()) return nullptr;
    at = &*member;
  }
  return at;
}

std::optional<std::string> FindString(
    const Json& object, std::initializer_list<std::string_view> path) {
  const Json* value = Find(object, path);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return value->get<std::string>();
}

std::optional<int64_t> FindInteger(
    const Json& object, std::initializer_list<std::string_view> path) {
  const Json* value = Find(object, path);
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  return value->get<int64_t>();
}

std::optional<bool> FindBool(const Json& object,
                             std::initializer_list<std::string_view> path) {
  const Json* value = Find(object, path);
  if (value == nullptr || !value->is_boolean()) return std::nullopt;
  return value->get<bool>();
}

absl::StatusOr<std::string> RequireString(
    const Json& object, std::initializer_list<std::string_view> path) {
  std::optional<std::string> value = FindString(object, path);
  if (!value.has_value() || value->empty()) {
    return NotFound(fmt::format("no text at {}", Dotted(path)));
  }
  return *std::move(value);
}

}  // namespace constellation::kubernetes
