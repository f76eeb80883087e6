// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/json_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "common/edit_distance.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr size_t kMaxDocumentSize = size_t{1} << 20U;
constexpr int kMaxDepth = 16;
constexpr size_t kMaxShownWord = 64;
constexpr char kTimeFormat[] = "%E4Y-%m-%dT%H:%M:%SZ";
constexpr std::string_view kTimeShape = "dddd-dd-ddTdd:dd:ddZ";

using Json = nlohmann::json;

// Sees every token of the document while it is parsed.
class Guard final {
 public:
  bool operator()(int depth, Json::parse_event_t event, const Json& parsed) {
    if (depth > kMaxDepth) {
      problem_ = fmt::format("nesting: want at most {}", kMaxDepth);
    }
    if (event == Json::parse_event_t::object_start) {
      keys_.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys_.pop_back();
    } else if (event == Json::parse_event_t::key &&
               !keys_.back().insert(parsed.get<std::string>()).second) {
      problem_ = fmt::format("key \"{}\": given twice in one object",
                             ShownText(parsed.get<std::string>()));
    }
    return true;
  }
  const std::string& problem() const { return problem_; }

 private:
  std::vector<std::set<std::string>> keys_;
  std::string problem_;
};

// absl::ParseTime() alone also takes one-digit fields, signs and white space; a
// policy has one way to write an instant.
bool HasShape(std::string_view text, std::string_view shape) {
  return text.size() == shape.size() &&
         std::equal(text.begin(), text.end(), shape.begin(),
                    [](char c, char wanted) {
                      return wanted == 'd' ? c >= '0' && c <= '9' : c == wanted;
                    });
}

// An unknown key is often a demand spelt wrongly. Ignoring it would accept what
// the owner meant to refuse.
absl::Status UnknownKey(const std::string& place, std::string_view key,
                        std::span<const std::string_view> known) {
  const std::optional<std::string> nearest = NearestWord(key, known);
  return InvalidArgument(fmt::format(
      "{}: unknown key \"{}\"; {}", place, ShownText(key),
      nearest.has_value()
          ? fmt::format("did you mean \"{}\"?", *nearest)
          : fmt::format("want some of {}", fmt::join(known, ", "))));
}

}  // namespace

// Duplicate keys are refused because parsers disagree on which one counts (RFC
// 8259 4): what a reviewer saw must be what is enforced.
absl::StatusOr<nlohmann::json> ParseStrictJson(std::string_view text) {
  if (text.size() > kMaxDocumentSize) {
    return InvalidArgument(
        fmt::format("document: want at most {} bytes, got {}", kMaxDocumentSize,
                    text.size()));
  }
  // The library takes a NUL for the end and would not look at what follows.
  if (text.find('\0') != std::string_view::npos) {
    return InvalidArgument("document: it is not JSON: it contains a NUL");
  }
  Guard guard;
  Json document = Json::parse(
      text,
      [&guard](int depth, Json::parse_event_t event, Json& parsed) {
        return guard(depth, event, parsed);
      },
      /*allow_exceptions=*/false);
  if (document.is_discarded()) {
    return InvalidArgument("document: it is not JSON");
  }
  if (!guard.problem().empty()) {
    return InvalidArgument(guard.problem());
  }
  return document;
}

absl::StatusOr<JsonObject> JsonObject::Of(
    const nlohmann::json& value, std::string place,
    std::span<const std::string_view> known) {
  if (!value.is_object()) {
    return InvalidArgument(
        fmt::format("{}: want an object, got {}", place, KindOf(value)));
  }
  for (const auto& item : value.items()) {
    if (std::ranges::find(known, std::string_view(item.key())) == known.end()) {
      return UnknownKey(place, item.key(), known);
    }
  }
  return JsonObject(value, std::move(place));
}

std::string JsonObject::PlaceOf(std::string_view key) const {
  return fmt::format("{}.{}", place_, key);
}

bool JsonObject::Has(std::string_view key) const {
  return value_->contains(std::string(key));
}

absl::StatusOr<const nlohmann::json*> JsonObject::Value(
    std::string_view key) const {
  const auto found = value_->find(std::string(key));
  if (found == value_->end()) {
    return InvalidArgument(fmt::format("{}: missing", PlaceOf(key)));
  }
  return &*found;
}

absl::StatusOr<const nlohmann::json*> JsonObject::Array(
    std::string_view key) const {
  ASSIGN_OR_RETURN(const Json* value, Value(key));
  if (!value->is_array()) {
    return InvalidArgument(
        fmt::format("{}: want an array, got {}", PlaceOf(key), KindOf(*value)));
  }
  return value;
}

absl::StatusOr<std::string> JsonObject::String(std::string_view key) const {
  ASSIGN_OR_RETURN(const Json* value, Value(key));
  if (!value->is_string()) {
    return InvalidArgument(
        fmt::format("{}: want a string, got {}", PlaceOf(key), KindOf(*value)));
  }
  return value->get<std::string>();
}

absl::StatusOr<Bytes> JsonObject::Hex(std::string_view key, size_t size) const {
  ASSIGN_OR_RETURN(const Json* value, Value(key));
  return HexAt(*value, PlaceOf(key), size);
}

absl::StatusOr<uint64_t> JsonObject::Number(std::string_view key) const {
  ASSIGN_OR_RETURN(const Json* value, Value(key));
  if (!value->is_number_unsigned()) {
    return InvalidArgument(fmt::format("{}: want a whole number, got {}",
                                       PlaceOf(key), KindOf(*value)));
  }
  return value->get<uint64_t>();
}

absl::StatusOr<std::optional<absl::Time>> JsonObject::OptionalTime(
    std::string_view key) const {
  if (!Has(key)) {
    return std::optional<absl::Time>();
  }
  ASSIGN_OR_RETURN(const std::string text, String(key));
  absl::Time time;
  std::string error;
  if (!HasShape(text, kTimeShape) ||
      !absl::ParseTime(kTimeFormat, text, &time, &error)) {
    return InvalidArgument(
        fmt::format("{}: want a time like 2026-01-31T23:59:59Z, got \"{}\"",
                    PlaceOf(key), ShownText(text)));
  }
  return std::optional<absl::Time>(time);
}

absl::StatusOr<Bytes> HexAt(const nlohmann::json& value, std::string_view place,
                            size_t size) {
  if (!value.is_string()) {
    return InvalidArgument(fmt::format(
        "{}: want a string of hex digits, got {}", place, KindOf(value)));
  }
  const auto& text = value.get_ref<const std::string&>();
  if (text.size() != 2 * size) {
    return InvalidArgument(
        fmt::format("{}: want {} hex digits, got {} characters", place,
                    2 * size, text.size()));
  }
  absl::StatusOr<Bytes> bytes = HexDecode(text);
  if (!bytes.ok()) {
    return Annotate(bytes.status(), place);
  }
  return bytes;
}

// Also keeps terminal escapes of a hostile document out of logs.
std::string ShownText(std::string_view text) {
  std::string shown;
  for (const char c : text.substr(0, kMaxShownWord)) {
    shown.push_back(c >= 0x20 && c < 0x7f ? c : '?');
  }
  return text.size() > kMaxShownWord ? shown + "..." : shown;
}

std::string_view KindOf(const nlohmann::json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::object:
      return "an object";
    case Json::value_t::array:
      return "an array";
    case Json::value_t::string:
      return "a string";
    case Json::value_t::boolean:
      return "a boolean";
    case Json::value_t::number_integer:
      return "a negative number";
    case Json::value_t::number_unsigned:
      return "a number";
    case Json::value_t::number_float:
      return "a fraction";
    default:
      return "something else";
  }
}

std::string FormatUtc(absl::Time time) {
  return absl::FormatTime(kTimeFormat, time, absl::UTCTimeZone());
}

}  // namespace constellation::attestation
