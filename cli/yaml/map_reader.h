// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_YAML_MAP_READER_H_
#define CONSTELLATION_CLI_YAML_MAP_READER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/yaml/problems.h"
#include "cli/yaml/yaml_value.h"

namespace constellation::cli {

// Reads one map of a document, strictly: every key must be asked for, or
// Finish() reports it together with the nearest one that was. A getter whose
// key is absent (or null) returns nothing and is no problem by itself; one
// whose value has another type adds a problem and returns nothing. Lives no
// longer than `value` and `problems`.
class MapReader final {
 public:
  // `path` is what messages put before a key ("provider.qemu"; "" for the top).
  MapReader(const YamlValue& value, std::string path, Problems& problems);

  // A scalar as it is written, quoted or not.
  std::optional<std::string> Text(std::string_view key);
  // A whole number from `min` to `max`, both included; not if it is quoted.
  std::optional<int64_t> Number(std::string_view key, int64_t min, int64_t max);
  // true or false, nothing else: "yes" and "on" mean text to some readers.
  std::optional<bool> Truth(std::string_view key);
  // One of `choices`.
  std::optional<std::string> Choice(std::string_view key,
                                    const std::vector<std::string>& choices);
  // The texts of a list, and of a map; items of other types are problems and
  // left out.
  std::vector<std::string> TextList(std::string_view key);
  std::map<std::string, std::string> TextMap(std::string_view key);
  // The value itself, or null if the key is absent.
  const YamlValue* Child(std::string_view key);
  // The value of `key` if it is a map; other types are a problem.
  const YamlValue* ChildMap(std::string_view key);
  const YamlValue* ChildList(std::string_view key);

  // Says that `key` existed in the original or an older version and why it is
  // refused now.
  void Removed(std::string_view key, std::string_view reason);

  // Reports that a key is missing.
  void Require(std::string_view key);
  // Reports a problem of the value of `key`.
  void Problem(std::string_view key, std::string_view message);
  // Reports the keys nobody asked for. Call it last.
  void Finish();

  // Whether the key is there, whatever its value; does not count as asking for
  // it.
  bool Has(std::string_view key) const;
  // "provider.qemu.vcpus": what messages call the key.
  std::string PathOf(std::string_view key) const;
  const YamlValue& value() const { return value_; }

 private:
  const YamlValue::Entry* Find(std::string_view key);
  void WrongType(const YamlValue::Entry& entry, std::string_view wanted);

  const YamlValue& value_;
  std::string path_;
  Problems& problems_;
  std::vector<std::string> known_;
  std::vector<std::string> removed_;
  bool is_map_ = true;
};

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_YAML_MAP_READER_H_
