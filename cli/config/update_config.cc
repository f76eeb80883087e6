// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/config/cloud_catalog.h"
#include "cli/config/config.h"
#include "cli/config/measurements.h"
#include "cli/yaml/problems.h"
#include "cli/yaml/yaml_value.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// The entry with the dotted path `key`; null if there is none.
const YamlValue::Entry* FindEntry(const YamlValue& document,
                                  std::string_view key) {
  const YamlValue* map = &document;
  while (true) {
    const size_t dot = key.find('.');
    const YamlValue::Entry* found = nullptr;
    for (const YamlValue::Entry& entry : map->entries) {
      found = entry.key == key.substr(0, dot) ? &entry : found;
    }
    if (found == nullptr || dot == std::string_view::npos) {
      return found;
    }
    map = &found->value;
    key.remove_prefix(dot + 1);
  }
}

// Without the line ends; a last line without one counts.
std::vector<std::string> SplitLines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

// A comment at the end of `line`, with the blank before it.
std::string CommentOf(const std::string& line) {
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      quote = c == quote ? char{0} : quote;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#' && i > 0 && line[i - 1] == ' ') {
      return line.substr(i - 1);
    }
  }
  return "";
}

// The last line of anything in `value`.
int LastLine(const YamlValue& value) {
  int last = value.line;
  for (const YamlValue::Entry& entry : value.entries) {
    last = std::max({last, entry.line, LastLine(entry.value)});
  }
  for (const YamlValue& item : value.items) {
    last = std::max(last, LastLine(item));
  }
  return last;
}

std::string JoinLines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) {
    text += line + "\n";
  }
  return text;
}

}  // namespace

// Replaces whole lines: the map may be written in one line or in many. Comments
// inside of the old map are lost with it.
absl::StatusOr<std::string> UpdateMeasurements(
    std::string_view text, const Measurements& measurements) {
  Problems problems;
  const YamlValue document = ParseYaml(text, problems);
  RETURN_IF_ERROR(problems.ToStatus("the configuration"));
  const YamlValue::Entry* entry = nullptr;
  for (const CloudVariant& variant : CloudVariants()) {
    const YamlValue::Entry* found = FindEntry(
        document, fmt::format("attestation.{}.measurements", variant.key));
    entry = found == nullptr ? entry : found;
  }
  if (entry == nullptr) {
    return NotFound(
        "the configuration has no attestation.*.measurements; add the line "
        "`measurements: {}` to your variant's section");
  }
  std::vector<std::string> lines = SplitLines(text);
  const auto first = static_cast<size_t>(entry->line) - 1;
  const auto last =
      static_cast<size_t>(std::max(entry->line, LastLine(entry->value)));
  const size_t start = lines[first].find("measurements:");
  if (start == std::string::npos ||
      lines[first].find_first_not_of(' ') != start) {
    return InvalidArgument(
        fmt::format("line {} of the configuration: `measurements:` must begin "
                    "its own line",
                    entry->line));
  }
  const std::string indent(start, ' ');
  std::vector<std::string> added = {indent + "measurements:"};
  for (std::string& line :
       SplitLines(RenderMeasurements(measurements, indent + "  "))) {
    added.push_back(std::move(line));
  }
  lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(first),
              lines.begin() + static_cast<std::ptrdiff_t>(last));
  lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(first),
               added.begin(), added.end());
  return JoinLines(lines);
}

// Works on lines instead of printing the parsed document: comments, order and
// blank lines are the owner's. What cannot be changed in its own line is left
// for the owner to change.
absl::StatusOr<std::string> UpdateConfigText(
    std::string_view text, const std::map<std::string, std::string>& values) {
  Problems problems;
  const YamlValue document = ParseYaml(text, problems);
  RETURN_IF_ERROR(problems.ToStatus("the configuration"));
  std::vector<std::string> lines = SplitLines(text);
  for (const auto& [key, value] : values) {
    const YamlValue::Entry* entry = FindEntry(document, key);
    if (entry == nullptr) {
      return NotFound(fmt::format(
          "the configuration has no key {}; add it and set it to {}", key,
          QuoteYaml(value)));
    }
    // The last part of the path is what stands in the line.
    const std::string name = key.substr(key.rfind('.') + 1);
    std::string& line = lines[static_cast<size_t>(entry->line) - 1];
    const size_t start = line.find_first_not_of(' ');
    const bool plain =
        start != std::string::npos &&
        std::string_view(line).substr(start).starts_with(name + ":");
    // Maps, lists and texts over several lines are left alone.
    const bool on_line = entry->value.kind == YamlValue::Kind::kNull ||
                         (entry->value.kind == YamlValue::Kind::kScalar &&
                          entry->value.line == entry->line);
    if (!plain || !on_line) {
      return InvalidArgument(fmt::format(
          "line {} of the configuration: {} is not a plain line \"{}: value\"; "
          "set it to {} by hand",
          entry->line, key, name, QuoteYaml(value)));
    }
    line = fmt::format("{}{}: {}{}", line.substr(0, start), name,
                       QuoteYaml(value), CommentOf(line));
  }
  return JoinLines(lines);
}

}  // namespace constellation::cli
