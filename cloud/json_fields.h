// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_JSON_FIELDS_H_
#define CONSTELLATION_CLOUD_JSON_FIELDS_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace constellation::cloud {

// Deeper JSON is refused: writing it again is recursive in the library.
inline constexpr int kMaxJsonDepth = 32;

// Whether brackets in `text` (outside of strings) nest at most kMaxJsonDepth.
bool IsShallowJson(std::string_view text);

// Parses `text`, at most `max_size` octets, as a JSON object without throwing.
// INVALID_ARGUMENT, mentioning `what`, for anything else.
absl::StatusOr<nlohmann::json> ParseJsonObject(std::string_view text,
                                               std::string_view what,
                                               size_t max_size);

// Whether a JSON document can hold `text` unchanged.
bool IsUtf8(std::string_view text);

// Compact JSON. Never throws: what is not UTF-8 in a string is replaced.
std::string DumpJson(const nlohmann::json& value);

// Takes fields out of a JSON object, each with its one allowed type. The first
// mistake is kept and returned by Finish(), so that calls can stand in a row.
// The object must outlive the reader. Not thread-safe.
class JsonFields final {
 public:
  // `what` names the object in messages.
  JsonFields(const nlohmann::json& object, std::string_view what);

  // The field's value; a neutral one after a mistake. The ...Or forms return
  // `fallback` if the field is absent.
  std::string String(std::string_view key, size_t max_size = 4096);
  std::string StringOr(std::string_view key, std::string_view fallback,
                       size_t max_size = 4096);
  uint64_t Unsigned(std::string_view key, uint64_t min, uint64_t max);
  uint64_t UnsignedOr(std::string_view key, uint64_t fallback, uint64_t min,
                      uint64_t max);
  bool Bool(std::string_view key);
  // Null after a mistake; else of the type asked for.
  const nlohmann::json* Array(std::string_view key, size_t max_elements);
  const nlohmann::json* Object(std::string_view key);

  // Records a mistake found by the caller in field `key`.
  void Reject(std::string_view key, std::string_view problem);

  // The first mistake; with `allow_unknown` false also a key that was not
  // asked for. INVALID_ARGUMENT.
  absl::Status Finish(bool allow_unknown) const;

 private:
  const nlohmann::json* Find(std::string_view key, bool required);

  const nlohmann::json& object_;
  const std::string what_;
  std::set<std::string, std::less<>> seen_;
  absl::Status status_;
};

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_JSON_FIELDS_H_
