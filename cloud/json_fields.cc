// SPDX-License-Identifier: Apache-2.0
#include "cloud/json_fields.h"

#include <fmt/format.h>

#include "common/status.h"

namespace constellation::cloud {
namespace {

// For messages.
const char* TypeName(const nlohmann::json& value) {
  return value.type_name();
}

}  // namespace

// A walk without recursion over text that has not been parsed yet. It may count
// wrongly in text that is no JSON, which the parser refuses then.
bool IsShallowJson(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == '[' || c == '{')) {
      if (++depth > kMaxJsonDepth) {
        return false;
      }
    } else if (!in_string && (c == ']' || c == '}')) {
      --depth;
    }
  }
  return true;
}

// Size, then depth, then syntax: each bounds what the next one costs.
absl::StatusOr<nlohmann::json> ParseJsonObject(std::string_view text,
                                               std::string_view what,
                                               size_t max_size) {
  if (text.size() > max_size) {
    return InvalidArgument(fmt::format("{}: {} octets, at most {} are allowed",
                                       what, text.size(), max_size));
  }
  if (!IsShallowJson(text)) {
    return InvalidArgument(
        fmt::format("{}: nested deeper than {}", what, kMaxJsonDepth));
  }
  nlohmann::json value = nlohmann::json::parse(text, /*cb=*/nullptr,
                                               /*allow_exceptions=*/false);
  if (value.is_discarded()) {
    return InvalidArgument(fmt::format("{}: not JSON", what));
  }
  if (!value.is_object()) {
    return InvalidArgument(
        fmt::format("{}: want a JSON object, got {}", what, TypeName(value)));
  }
  return value;
}

// What is not UTF-8 becomes U+FFFD.
std::string DumpJson(const nlohmann::json& value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/false,
                    nlohmann::json::error_handler_t::replace);
}

// By writing and reading again, so the library's own notion counts.
bool IsUtf8(std::string_view text) {
  const nlohmann::json value = std::string(text);
  const nlohmann::json back = nlohmann::json::parse(
      DumpJson(value), /*cb=*/nullptr, /*allow_exceptions=*/false);
  return back == value;
}

JsonFields::JsonFields(const nlohmann::json& object, std::string_view what)
    : object_(object), what_(what) {
  if (!object.is_object()) {
    status_ = InvalidArgument(
        fmt::format("{}: want a JSON object, got {}", what_, TypeName(object)));
  }
}

void JsonFields::Reject(std::string_view key, std::string_view problem) {
  if (status_.ok()) {
    status_ =
        InvalidArgument(fmt::format("{}: \"{}\": {}", what_, key, problem));
  }
}

// After the first mistake nothing more is looked up, so that one is reported.
const nlohmann::json* JsonFields::Find(std::string_view key, bool required) {
  seen_.emplace(key);
  if (!status_.ok()) {
    return nullptr;
  }
  const auto found = object_.find(key);
  if (found == object_.end()) {
    if (required) {
      Reject(key, "missing");
    }
    return nullptr;
  }
  return &*found;
}

// Absent is fine, of another type is not.
std::string JsonFields::StringOr(std::string_view key,
                                 std::string_view fallback, size_t max_size) {
  if (status_.ok() && !object_.contains(key)) {
    seen_.emplace(key);
    return std::string(fallback);
  }
  return String(key, max_size);
}

std::string JsonFields::String(std::string_view key, size_t max_size) {
  const nlohmann::json* value = Find(key, /*required=*/true);
  if (value == nullptr) {
    return "";
  }
  const auto* text = value->get_ptr<const std::string*>();
  if (text == nullptr) {
    Reject(key, fmt::format("want a string, got {}", TypeName(*value)));
    return "";
  }
  if (text->size() > max_size) {
    Reject(key, fmt::format("{} octets, at most {} are allowed", text->size(),
                            max_size));
    return "";
  }
  return *text;
}

uint64_t JsonFields::UnsignedOr(std::string_view key, uint64_t fallback,
                                uint64_t min, uint64_t max) {
  if (status_.ok() && !object_.contains(key)) {
    seen_.emplace(key);
    return fallback;
  }
  return Unsigned(key, min, max);
}

// A number with a sign or a fraction is refused, also 1.0.
uint64_t JsonFields::Unsigned(std::string_view key, uint64_t min,
                              uint64_t max) {
  const nlohmann::json* value = Find(key, /*required=*/true);
  if (value == nullptr) {
    return min;
  }
  if (!value->is_number_unsigned()) {
    Reject(key,
           fmt::format("want a whole number from 0, got {}",
                       value->is_number() ? value->dump() : TypeName(*value)));
    return min;
  }
  const auto number = value->get<uint64_t>();
  if (number < min || number > max) {
    Reject(key, fmt::format("want {} to {}, got {}", min, max, number));
    return min;
  }
  return number;
}

bool JsonFields::Bool(std::string_view key) {
  const nlohmann::json* value = Find(key, /*required=*/true);
  if (value == nullptr) {
    return false;
  }
  if (!value->is_boolean()) {
    Reject(key, fmt::format("want true or false, got {}", TypeName(*value)));
    return false;
  }
  return value->get<bool>();
}

const nlohmann::json* JsonFields::Array(std::string_view key,
                                        size_t max_elements) {
  const nlohmann::json* value = Find(key, /*required=*/true);
  if (value == nullptr) {
    return nullptr;
  }
  if (!value->is_array()) {
    Reject(key, fmt::format("want an array, got {}", TypeName(*value)));
    return nullptr;
  }
  if (value->size() > max_elements) {
    Reject(key, fmt::format("{} elements, at most {} are allowed",
                            value->size(), max_elements));
    return nullptr;
  }
  return value;
}

const nlohmann::json* JsonFields::Object(std::string_view key) {
  const nlohmann::json* value = Find(key, /*required=*/true);
  if (value != nullptr && !value->is_object()) {
    Reject(key, fmt::format("want an object, got {}", TypeName(*value)));
    return nullptr;
  }
  return value;
}

// Unknown keys are often misspelt ones: where a person writes the file they are
// mistakes.
absl::Status JsonFields::Finish(bool allow_unknown) const {
  if (!status_.ok() || allow_unknown) {
    return status_;
  }
  for (const auto& [key, value] : object_.items()) {
    if (!seen_.contains(key)) {
      return InvalidArgument(
          fmt::format("{}: unknown key \"{:.64}\"", what_, key));
    }
  }
  return absl::OkStatus();
}

}  // namespace constellation::cloud
