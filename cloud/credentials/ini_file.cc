// SPDX-License-Identifier: Apache-2.0
#include "cloud/credentials/ini_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud {
namespace {

// Octets of a file.
constexpr size_t kMaxSize = size_t{1} << 20U;
constexpr std::string_view kSpace = " \t\r\f\v";

// White space as Python's parsers have it, which these files are written for.
std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// Takes lines one after the other. No state outlives a file.
class Reader final {
 public:
  explicit Reader(
      std::map<std::string, IniFile::Section, std::less<>>& sections)
      : sections_(sections) {}

  // One line, in the order of botocore's rules: comments and empty lines
  // anywhere, then indented lines, sections, assignments.
  absl::Status Take(std::string_view line) {
    const std::string_view text = Trim(line);
    if (text.empty() || text.front() == '#' || text.front() == ';') {
      return absl::OkStatus();
    }
    const bool indented = kSpace.find(line.front()) != std::string_view::npos;
    if (indented && key_ != nullptr) {
      return Continue(text);
    }
    if (text.front() == '[') {
      return Open(text);
    }
    return Assign(text);
  }

 private:
  // What follows "]" is ignored. A section that occurs again is continued.
  absl::Status Open(std::string_view text) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) {
      return InvalidArgument("want \"]\" at the end of a section's name");
    }
    section_ = &sections_[std::string(Trim(text.substr(1, end - 1)))];
    key_ = nullptr;
    return absl::OkStatus();
  }

  // The first '=' or ':' separates. A later value of the same key wins.
  absl::Status Assign(std::string_view text) {
    if (section_ == nullptr) {
      return InvalidArgument("want a [section] first");
    }
    const size_t equals = text.find_first_of("=:");
    const std::string_view key = Trim(text.substr(0, equals));
    if (equals == std::string_view::npos || key.empty()) {
      return InvalidArgument("want \"key = value\"");
    }
    name_ = std::string(key);
    key_ = &(*section_)[name_];
    *key_ = std::string(Trim(text.substr(equals + 1)));
    block_ = key_->empty();
    return absl::OkStatus();
  }

  // An indented line belongs to the key before it: as a further line of its
  // value, or as a key of its block.
  absl::Status Continue(std::string_view text) {
    if (!block_) {
      *key_ += "\n";
      *key_ += text;
      return absl::OkStatus();
    }
    const size_t equals = text.find('=');
    const std::string_view sub = Trim(text.substr(0, equals));
    if (equals == std::string_view::npos || sub.empty()) {
      return InvalidArgument("want \"key = value\" in the block");
    }
    (*section_)[name_ + "." + std::string(sub)] =
        std::string(Trim(text.substr(equals + 1)));
    return absl::OkStatus();
  }

  std::map<std::string, IniFile::Section, std::less<>>& sections_;
  IniFile::Section* section_ = nullptr;
  std::string name_;            // of the last key
  std::string* key_ = nullptr;  // its value; map nodes do not move
  bool block_ = false;          // it has none: indented lines are its parts
};

}  // namespace

// Lines may end in LF or CRLF: '\r' counts as white space.
absl::StatusOr<IniFile> IniFile::Parse(std::string_view text) {
  if (text.size() > kMaxSize) {
    return InvalidArgument(
        fmt::format("want at most {} octets, got {}", kMaxSize, text.size()));
  }
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  IniFile file;
  Reader reader(file.sections_);
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    absl::Status status = line.find('\0') == std::string_view::npos
                              ? reader.Take(line)
                              : InvalidArgument("want text, got a NUL");
    if (!status.ok()) {
      return Annotate(status, fmt::format("line {}", number));
    }
  }
  return file;
}

const IniFile::Section* IniFile::Find(std::string_view section) const {
  const auto found = sections_.find(section);
  return found == sections_.end() ? nullptr : &found->second;
}

std::optional<std::string> IniFile::Get(std::string_view section,
                                        std::string_view key) const {
  const Section* const keys = Find(section);
  if (keys == nullptr) {
    return std::nullopt;
  }
  const auto found = keys->find(key);
  return found == keys->end() ? std::nullopt : std::optional(found->second);
}

}  // namespace constellation::cloud
