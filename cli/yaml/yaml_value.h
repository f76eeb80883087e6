// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_YAML_YAML_VALUE_H_
#define CONSTELLATION_CLI_YAML_YAML_VALUE_H_

#include <string>
#include <string_view>
#include <vector>

#include "cli/yaml/problems.h"

namespace constellation::cli {

// A node of a YAML document as the user wrote it: no type is guessed. Entries
// keep their order and lines, so that messages can point at them.
struct YamlValue {
  enum class Kind { kNull, kScalar, kMap, kList };
  struct Entry;

  Kind kind = Kind::kNull;
  std::string text;     // of a scalar
  bool quoted = false;  // a quoted scalar is a string, whatever it looks like
  int line = 0;         // counted from 1
  std::vector<Entry> entries;    // of a map
  std::vector<YamlValue> items;  // of a list
};

struct YamlValue::Entry {
  std::string key;
  int line = 0;
  YamlValue value;
};

// What a message calls this value: "a map", "the number 3", "text".
std::string DescribeKind(const YamlValue& value);

// Reads a document of our YAML subset: one document, keys are plain text, no
// anchors, aliases or tags, nothing nested deeper than 16 levels. Duplicate
// keys and everything outside the subset become problems; the value returned is
// then incomplete. Syntax only: what the keys mean is for MapReader.
YamlValue ParseYaml(std::string_view text, Problems& problems);

// `text` as a YAML scalar that reads back as the same string.
std::string QuoteYaml(std::string_view text);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_YAML_YAML_VALUE_H_
