// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include "common/status.h"
#include "common/status_macros.h"
#include "kubernetes/internal/yaml.h"

namespace constellation::kubernetes {
namespace {

bool IsOneOf(std::string_view text, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(),
                     [text](const char* word) { return text == word; });
}

// Words of YAML 1.1, which kubectl's parser reads.
bool IsNull(std::string_view text) {
  return IsOneOf(text, {"", "~", "null", "Null", "NULL"});
}

// A flag in YAML 1.1, a text in YAML 1.2.
bool IsAmbiguousFlag(std::string_view text) {
  return IsOneOf(text, {"y", "Y", "yes", "Yes", "YES", "n", "N", "no", "No",
                        "NO", "on", "On", "ON", "off", "Off", "OFF"});
}

// All of `text` as a number, or nothing.
template <typename Number, typename... Base>
std::optional<Number> ToNumber(std::string_view text, Base... base) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto [stopped, error] =
      std::from_chars(text.data(), end, number, base...);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

// Octal numbers are file modes: kubectl reads 0644 as 420.
std::optional<Json> PlainNumber(std::string_view text) {
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.empty() || digits[0] < '0' || digits[0] > '9') {
    return std::nullopt;
  }
  if (digits.size() > 1 && digits[0] == '0' &&
      digits.find_first_not_of("01234567") == std::string_view::npos) {
    const auto octal = ToNumber<int64_t>(text, 8);  // a file mode
    if (octal.has_value()) return Json(*octal);
  }
  if (const auto integer = ToNumber<int64_t>(text, 10)) return Json(*integer);
  const auto real = ToNumber<double>(text);
  if (real.has_value() && std::isfinite(*real)) return Json(*real);
  return std::nullopt;
}

// A scalar without quotes: null, flag, number or text.
absl::StatusOr<Json> PlainScalar(const std::string& text) {
  if (IsNull(text)) return Json(nullptr);
  if (IsOneOf(text, {"true", "True", "TRUE"})) return Json(true);
  if (IsOneOf(text, {"false", "False", "FALSE"})) return Json(false);
  if (IsAmbiguousFlag(text)) {
    return InvalidArgument(fmt::format("quote '{}': text or flag?", text));
  }
  if (std::optional<Json> number = PlainNumber(text)) return *number;
  return Json(text);
}

absl::StatusOr<Json> ToJson(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Undefined:
    case YAML::NodeType::Null:
      return Json(nullptr);
    case YAML::NodeType::Scalar:
      // yaml-cpp's tag of a scalar in quotes is "!", of a plain one "?".
      if (node.Tag() == "?") return PlainScalar(node.Scalar());
      return Json(node.Scalar());
    case YAML::NodeType::Sequence: {
      Json list = Json::array();
      for (const YAML::Node& item : node) {
        ASSIGN_OR_RETURN(Json value, ToJson(item));
        list.push_back(std::move(value));
      }
      return list;
    }
    case YAML::NodeType::Map: {
      Json object = Json::object();
      for (const auto& member : node) {
        const std::string key = member.first.as<std::string>();
        if (object.contains(key)) {
          return InvalidArgument(fmt::format("'{}' twice in a map", key));
        }
        ASSIGN_OR_RETURN(object[key], ToJson(member.second));
      }
      return object;
    }
  }
  return Internal("a node of no type");
}

// The three fields without which nothing can be applied.
absl::StatusOr<Json> ToObject(const YAML::Node& document) {
  ASSIGN_OR_RETURN(Json object, ToJson(document));
  RETURN_IF_ERROR(RequireString(object, {"apiVersion"}).status());
  RETURN_IF_ERROR(RequireString(object, {"kind"}).status());
  RETURN_IF_ERROR(RequireString(object, {"metadata", "name"}).status());
  return object;
}

}  // namespace

absl::StatusOr<std::vector<Json>> ParseManifest(std::string_view yaml) {
  ASSIGN_OR_RETURN(const std::vector<YAML::Node> documents,
                   internal::LoadYaml(yaml, "manifest"));
  std::vector<Json> objects;
  try {
    for (const YAML::Node& document : documents) {
      absl::StatusOr<Json> object = ToObject(document);
      if (!object.ok()) {
        return InvalidArgument(fmt::format("manifest: document {}: {}",
                                           objects.size() + 1,
                                           Message(object.status())));
      }
      objects.push_back(*std::move(object));
    }
  } catch (const YAML::Exception& error) {
    return InvalidArgument(fmt::format("manifest: {}", error.msg));
  }
  return objects;
}

absl::Status ApplyManifest(Client& client, std::string_view yaml,
                           std::string_view field_manager) {
  ASSIGN_OR_RETURN(const std::vector<Json> objects, ParseManifest(yaml));
  for (const Json& object : objects) {
    const absl::StatusOr<Json> applied =
        client.Apply(object, field_manager, /*force=*/true);
    if (!applied.ok()) {
      return Annotate(
          applied.status(),
          fmt::format("apply {} {}", FindString(object, {"kind"}).value_or(""),
                      FindString(object, {"metadata", "name"}).value_or("")));
    }
  }
  return absl::OkStatus();
}

}  // namespace constellation::kubernetes
