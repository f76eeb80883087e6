// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/json_fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxEntries = 256;
constexpr size_t kMaxText = 256;

// The array called `key`, or nullptr if it is not there.
absl::StatusOr<const Json*> OptionalArray(const JsonObject& object,
                                          std::string_view key) {
  if (!object.Has(key)) {
    return nullptr;
  }
  ASSIGN_OR_RETURN(const Json* array, object.Array(key));
  if (array->empty() || array->size() > kMaxEntries) {
    return InvalidArgument(fmt::format(
        "{}: want 1 to {} entries, got {}; leave the key out to demand nothing",
        object.PlaceOf(key), kMaxEntries, array->size()));
  }
  return array;
}

// Reads every entry with `read(entry, place)`; refuses one that occurs twice.
template <typename Value, typename Read>
absl::StatusOr<std::vector<Value>> ReadList(const JsonObject& object,
                                            std::string_view key, Read read) {
  std::vector<Value> list;
  ASSIGN_OR_RETURN(const Json* array, OptionalArray(object, key));
  for (size_t i = 0; array != nullptr && i < array->size(); ++i) {
    const std::string place = fmt::format("{}[{}]", object.PlaceOf(key), i);
    ASSIGN_OR_RETURN(Value value, read((*array)[i], place));
    if (std::ranges::find(list, value) != list.end()) {
      return InvalidArgument(fmt::format("{}: given twice", place));
    }
    list.push_back(std::move(value));
  }
  return list;
}

// Fractions and negative numbers are refused, also 1.0: the library would
// convert them silently to another number.
absl::StatusOr<uint64_t> NumberAt(const Json& value, std::string_view place,
                                  uint64_t max) {
  // A positive number made in memory may have a signed type.
  if (!value.is_number_unsigned() &&
      (!value.is_number_integer() || value.get<int64_t>() < 0)) {
    return InvalidArgument(
        fmt::format("{}: want a whole number, got {}", place, KindOf(value)));
  }
  const auto number = value.get<uint64_t>();
  if (number > max) {
    return InvalidArgument(
        fmt::format("{}: want 0 to {}, got {}", place, max, number));
  }
  return number;
}

// Printable ASCII only: these texts stand in messages and logs, and names with
// look-alike letters must not compare as different.
absl::StatusOr<std::string> TextAt(const Json& value, std::string_view place) {
  if (!value.is_string()) {
    return InvalidArgument(
        fmt::format("{}: want a string, got {}", place, KindOf(value)));
  }
  auto text = value.get<std::string>();
  const bool printable =
      std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
  if (text.empty() || text.size() > kMaxText || !printable) {
    return InvalidArgument(fmt::format(
        "{}: want 1 to {} printable ASCII characters", place, kMaxText));
  }
  return text;
}

// With one size the hex reader's own message is the better one; with several
// the number of digits decides which is meant.
absl::StatusOr<Bytes> OctetsAt(const Json& value, std::string_view place,
                               std::span<const size_t> sizes) {
  const size_t digits =
      value.is_string() ? value.get_ref<const std::string&>().size() : 0;
  for (const size_t size : sizes) {
    if (digits == 2 * size || sizes.size() == 1) {
      return HexAt(value, place, size);
    }
  }
  return InvalidArgument(
      fmt::format("{}: want hex of {} octets, got {} characters", place,
                  fmt::join(sizes, " or "), digits));
}

}  // namespace

// Only true and false: "no", 0 or null would each mean something else to
// another reader.
absl::StatusOr<bool> BoolOr(const JsonObject& object, std::string_view key,
                            bool otherwise) {
  if (!object.Has(key)) {
    return otherwise;
  }
  ASSIGN_OR_RETURN(const Json* value, object.Value(key));
  if (!value->is_boolean()) {
    return InvalidArgument(fmt::format("{}: want true or false, got {}",
                                       object.PlaceOf(key), KindOf(*value)));
  }
  return value->get<bool>();
}

absl::StatusOr<std::optional<uint64_t>> OptionalNumber(const JsonObject& object,
                                                       std::string_view key,
                                                       uint64_t max) {
  if (!object.Has(key)) {
    return std::optional<uint64_t>();
  }
  ASSIGN_OR_RETURN(const uint64_t number, NumberUpTo(object, key, max));
  return std::optional<uint64_t>(number);
}

absl::StatusOr<uint64_t> NumberUpTo(const JsonObject& object,
                                    std::string_view key, uint64_t max) {
  ASSIGN_OR_RETURN(const Json* value, object.Value(key));
  return NumberAt(*value, object.PlaceOf(key), max);
}

absl::StatusOr<std::vector<std::string>> StringList(const JsonObject& object,
                                                    std::string_view key) {
  return ReadList<std::string>(object, key, TextAt);
}

absl::StatusOr<std::vector<uint64_t>> NumberList(const JsonObject& object,
                                                 std::string_view key,
                                                 uint64_t max) {
  return ReadList<uint64_t>(object, key,
                            [max](const Json& value, const std::string& place) {
                              return NumberAt(value, place, max);
                            });
}

absl::StatusOr<std::vector<Bytes>> BytesList(const JsonObject& object,
                                             std::string_view key,
                                             std::span<const size_t> sizes) {
  return ReadList<Bytes>(object, key,
                         [sizes](const Json& value, const std::string& place) {
                           return OctetsAt(value, place, sizes);
                         });
}

void PutBool(nlohmann::json& object, std::string_view key, bool value,
             bool otherwise) {
  if (value != otherwise) {
    object[std::string(key)] = value;
  }
}

}  // namespace constellation::attestation
