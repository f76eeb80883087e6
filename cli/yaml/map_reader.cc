// SPDX-License-Identifier: Apache-2.0
#include "cli/yaml/map_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/edit_distance.h"

namespace constellation::cli {
namespace {

// "a, b, c".
std::string Join(const std::vector<std::string>& words) {
  std::string result;
  for (const std::string& word : words) {
    result += (result.empty() ? "" : ", ") + word;
  }
  return result;
}

}  // namespace

MapReader::MapReader(const YamlValue& value, std::string path,
                     Problems& problems)
    : value_(value), path_(std::move(path)), problems_(problems) {
  // Nothing is a map without entries: what must be there is missing.
  is_map_ = value.kind == YamlValue::Kind::kMap ||
            value.kind == YamlValue::Kind::kNull;
  if (!is_map_) {
    problems_.Add(
        value.line,
        fmt::format("{} must be a map (key: value), not {}",
                    path_.empty() ? "the file" : path_, DescribeKind(value)));
  }
}

std::string MapReader::PathOf(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

bool MapReader::Has(std::string_view key) const {
  return std::any_of(
      value_.entries.begin(), value_.entries.end(),
      [&](const YamlValue::Entry& entry) { return entry.key == key; });
}

// Notes that the key is known, whether it is there or not, so that Finish() can
// suggest it.
const YamlValue::Entry* MapReader::Find(std::string_view key) {
  known_.emplace_back(key);
  for (const YamlValue::Entry& entry : value_.entries) {
    if (entry.key == key) {
      return entry.value.kind == YamlValue::Kind::kNull ? nullptr : &entry;
    }
  }
  return nullptr;
}

// Says what was wanted and what is there.
void MapReader::WrongType(const YamlValue::Entry& entry,
                          std::string_view wanted) {
  problems_.Add(entry.line,
                fmt::format("{} must be {}, not {}", PathOf(entry.key), wanted,
                            DescribeKind(entry.value)));
}

std::optional<std::string> MapReader::Text(std::string_view key) {
  const YamlValue::Entry* entry = Find(key);
  if (entry == nullptr) {
    return std::nullopt;
  }
  if (entry->value.kind != YamlValue::Kind::kScalar) {
    WrongType(*entry, "text");
    return std::nullopt;
  }
  return entry->value.text;
}

std::optional<int64_t> MapReader::Number(std::string_view key, int64_t min,
                                         int64_t max) {
  const YamlValue::Entry* entry = Find(key);
  if (entry == nullptr) {
    return std::nullopt;
  }
  const std::string& text = entry->value.text;
  int64_t number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  if (entry->value.kind != YamlValue::Kind::kScalar || entry->value.quoted ||
      error == std::errc::invalid_argument ||
      end != text.data() + text.size()) {
    WrongType(*entry, "a whole number");
    return std::nullopt;
  }
  if (error != std::errc() || number < min || number > max) {
    problems_.Add(entry->line, fmt::format("{} must be from {} to {}, not {}",
                                           PathOf(key), min, max, text));
    return std::nullopt;
  }
  return number;
}

std::optional<bool> MapReader::Truth(std::string_view key) {
  const YamlValue::Entry* entry = Find(key);
  if (entry == nullptr) {
    return std::nullopt;
  }
  if (entry->value.kind == YamlValue::Kind::kScalar && !entry->value.quoted) {
    if (entry->value.text == "true") {
      return true;
    }
    if (entry->value.text == "false") {
      return false;
    }
  }
  WrongType(*entry, "true or false");
  return std::nullopt;
}

std::optional<std::string> MapReader::Choice(
    std::string_view key, const std::vector<std::string>& choices) {
  std::optional<std::string> text = Text(key);
  if (text &&
      std::find(choices.begin(), choices.end(), *text) == choices.end()) {
    std::string message =
        fmt::format("must be one of {}, not \"{}\"", Join(choices), *text);
    if (const auto nearest = NearestWord(*text, choices)) {
      message += fmt::format("; did you mean {}?", *nearest);
    }
    Problem(key, message);
    return std::nullopt;
  }
  return text;
}

std::vector<std::string> MapReader::TextList(std::string_view key) {
  std::vector<std::string> result;
  const YamlValue* list = ChildList(key);
  if (list == nullptr) {
    return result;
  }
  for (const YamlValue& item : list->items) {
    if (item.kind != YamlValue::Kind::kScalar) {
      problems_.Add(item.line, fmt::format("{} must list texts, not {}",
                                           PathOf(key), DescribeKind(item)));
      continue;
    }
    result.push_back(item.text);
  }
  return result;
}

std::map<std::string, std::string> MapReader::TextMap(std::string_view key) {
  std::map<std::string, std::string> result;
  const YamlValue* map = ChildMap(key);
  if (map == nullptr) {
    return result;
  }
  for (const YamlValue::Entry& entry : map->entries) {
    if (entry.value.kind != YamlValue::Kind::kScalar) {
      problems_.Add(entry.line,
                    fmt::format("{}.{} must be text, not {}", PathOf(key),
                                entry.key, DescribeKind(entry.value)));
      continue;
    }
    result[entry.key] = entry.value.text;
  }
  return result;
}

const YamlValue* MapReader::Child(std::string_view key) {
  const YamlValue::Entry* entry = Find(key);
  return entry == nullptr ? nullptr : &entry->value;
}

const YamlValue* MapReader::ChildMap(std::string_view key) {
  const YamlValue::Entry* entry = Find(key);
  if (entry == nullptr) {
    return nullptr;
  }
  if (entry->value.kind != YamlValue::Kind::kMap) {
    WrongType(*entry, "a map (key: value)");
    return nullptr;
  }
  return &entry->value;
}

const YamlValue* MapReader::ChildList(std::string_view key) {
  const YamlValue::Entry* entry = Find(key);
  if (entry == nullptr) {
    return nullptr;
  }
  if (entry->value.kind != YamlValue::Kind::kList) {
    WrongType(*entry, "a list");
    return nullptr;
  }
  return &entry->value;
}

void MapReader::Removed(std::string_view key, std::string_view reason) {
  if (!Has(key)) {
    return;
  }
  Problem(key, fmt::format("is not used: {}; delete the line", reason));
  removed_.emplace_back(key);
}

void MapReader::Require(std::string_view key) {
  if (!is_map_) {
    return;
  }
  for (const YamlValue::Entry& entry : value_.entries) {
    if (entry.key == key && entry.value.kind != YamlValue::Kind::kNull) {
      return;  // present; if it was wrong, that has been said
    }
  }
  problems_.Add(Has(key) ? value_.line : 0,
                fmt::format("{} is missing", PathOf(key)));
}

void MapReader::Problem(std::string_view key, std::string_view message) {
  int line = value_.line;
  for (const YamlValue::Entry& entry : value_.entries) {
    if (entry.key == key) {
      line = entry.line;
    }
  }
  problems_.Add(line, fmt::format("{} {}", PathOf(key), message));
}

// A misspelt key is the most dangerous mistake of all: the setting that was
// meant keeps its default without a word.
void MapReader::Finish() {
  for (const YamlValue::Entry& entry : value_.entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end() ||
        std::find(removed_.begin(), removed_.end(), entry.key) !=
            removed_.end()) {
      continue;
    }
    std::string message = fmt::format("unknown key {}", PathOf(entry.key));
    if (const auto nearest = NearestWord(entry.key, known_)) {
      message += fmt::format("; did you mean {}?", *nearest);
    } else if (!known_.empty()) {
      message += fmt::format("; known here: {}", Join(known_));
    }
    problems_.Add(entry.line, message);
  }
}

}  // namespace constellation::cli
