// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_POLICY_JSON_READER_H_
#define CONSTELLATION_ATTESTATION_POLICY_JSON_READER_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/hex.h"

// Strict reading of JSON documents. Every error is INVALID_ARGUMENT and names
// the place, e.g. "profiles[0].pcrs.4: want 64 hex digits, got 62".
namespace constellation::attestation {

// Parses `text`: at most 1 MiB, UTF-8, nesting of at most 16, no key twice in
// one object, nothing behind the document.
absl::StatusOr<nlohmann::json> ParseStrictJson(std::string_view text);

// One object of a document whose keys are known beforehand. Refers to the
// document, which must outlive it.
class JsonObject final {
 public:
  // Checks that `value` is an object and has no key but `known`.
  static absl::StatusOr<JsonObject> Of(const nlohmann::json& value,
                                       std::string place,
                                       std::span<const std::string_view> known);

  const std::string& place() const { return place_; }
  // "place.key", for messages.
  std::string PlaceOf(std::string_view key) const;
  bool Has(std::string_view key) const;

  // Values of keys that must be there.
  absl::StatusOr<const nlohmann::json*> Value(std::string_view key) const;
  absl::StatusOr<const nlohmann::json*> Array(std::string_view key) const;
  absl::StatusOr<std::string> String(std::string_view key) const;
  absl::StatusOr<Bytes> Hex(std::string_view key, size_t size) const;
  // A whole number; 1.0 and "1" are refused.
  absl::StatusOr<uint64_t> Number(std::string_view key) const;
  // "YYYY-MM-DDTHH:MM:SSZ" (RFC 3339 in UTC with whole seconds), or nothing if
  // the key is not there.
  absl::StatusOr<std::optional<absl::Time>> OptionalTime(
      std::string_view key) const;

 private:
  JsonObject(const nlohmann::json& value, std::string place)
      : value_(&value), place_(std::move(place)) {}
  const nlohmann::json* value_;
  std::string place_;
};

// `size` octets of hex at `place`.
absl::StatusOr<Bytes> HexAt(const nlohmann::json& value, std::string_view place,
                            size_t size);

// Text from a hostile source as it may stand in a message: printable ASCII, at
// most 64 characters.
std::string ShownText(std::string_view text);

// What a JSON value is, for messages: "a string", "an array", ...
std::string_view KindOf(const nlohmann::json& value);

// The form that OptionalTime() reads.
std::string FormatUtc(absl::Time time);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_POLICY_JSON_READER_H_
