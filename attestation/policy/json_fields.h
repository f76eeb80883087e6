// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_POLICY_JSON_FIELDS_H_
#define CONSTELLATION_ATTESTATION_POLICY_JSON_FIELDS_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attestation/policy/json_reader.h"
#include "common/hex.h"

// Members of a policy's objects that may be absent, and how they are written
// again. Every error is INVALID_ARGUMENT and names the place. A list that is
// there has 1 to 256 entries and none twice: an empty one could be meant as
// "nothing" or as "anything". Pure; thread-safe.
namespace constellation::attestation {

// The boolean called `key`, or `otherwise` if it is not there.
absl::StatusOr<bool> BoolOr(const JsonObject& object, std::string_view key,
                            bool otherwise);

// The whole number called `key`, 0 to `max`; nothing if it is not there.
absl::StatusOr<std::optional<uint64_t>> OptionalNumber(const JsonObject& object,
                                                       std::string_view key,
                                                       uint64_t max);
// The same for a number that must be there.
absl::StatusOr<uint64_t> NumberUpTo(const JsonObject& object,
                                    std::string_view key, uint64_t max);

// Lists; empty if the key is not there. Texts have 1 to 256 printable ASCII
// characters.
absl::StatusOr<std::vector<std::string>> StringList(const JsonObject& object,
                                                    std::string_view key);
absl::StatusOr<std::vector<uint64_t>> NumberList(const JsonObject& object,
                                                 std::string_view key,
                                                 uint64_t max);
// Hex of one of `sizes` octets each.
absl::StatusOr<std::vector<Bytes>> BytesList(const JsonObject& object,
                                             std::string_view key,
                                             std::span<const size_t> sizes);

// Hex of exactly kSize octets each.
template <size_t kSize>
absl::StatusOr<std::vector<std::array<uint8_t, kSize>>> HexList(
    const JsonObject& object, std::string_view key) {
  constexpr size_t kSizes[] = {kSize};
  absl::StatusOr<std::vector<Bytes>> read = BytesList(object, key, kSizes);
  if (!read.ok()) {
    return read.status();
  }
  std::vector<std::array<uint8_t, kSize>> list(read->size());
  for (size_t i = 0; i < list.size(); ++i) {
    std::copy_n((*read)[i].begin(), kSize, list[i].begin());
  }
  return list;
}

// Writes a boolean unless it is what BoolOr() would give without it.
void PutBool(nlohmann::json& object, std::string_view key, bool value,
             bool otherwise);
// Write a list unless it is empty.
template <typename Octets>
void PutHexList(nlohmann::json& object, std::string_view key,
                const std::vector<Octets>& list) {
  for (const Octets& octets : list) {
    object[std::string(key)].push_back(HexEncode(octets));
  }
}
template <typename Value>
void PutList(nlohmann::json& object, std::string_view key,
             const std::vector<Value>& list) {
  for (const Value& value : list) {
    object[std::string(key)].push_back(value);
  }
}

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_POLICY_JSON_FIELDS_H_
