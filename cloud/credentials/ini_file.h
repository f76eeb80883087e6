// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_CREDENTIALS_INI_FILE_H_
#define CONSTELLATION_CLOUD_CREDENTIALS_INI_FILE_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace constellation::cloud {

// The INI files of the clouds' tools: ~/.aws/config, ~/.aws/credentials,
// gcloud's configurations. As botocore and gcloud read them:
//  * "[section]" and "key = value" or "key: value" lines; white space at the
//    ends of names, keys and values does not count; keys keep their case;
//  * lines whose first character that is not white space is '#' or ';' are
//    comments; what follows " #" or " ;" in a value is part of it;
//  * an indented "sub = value" line belongs to the key before it if that has no
//    value of its own ("s3 =" blocks) and is kept as "key.sub";
//  * an indented line after a key with a value continues it (with '\n');
//  * of a key or section that occurs again the last value of each key counts.
// Holds secrets: not to be printed. Immutable after Parse(), thread-safe.
class IniFile final {
 public:
  using Section = std::map<std::string, std::string, std::less<>>;

  // At most 1 MiB, LF or CRLF, a byte order mark is skipped. INVALID_ARGUMENT,
  // naming the line and nothing of its contents, for a line outside of any
  // section, one without '=' or ':', an unfinished "[", or a NUL.
  static absl::StatusOr<IniFile> Parse(std::string_view text);

  // Null if there is no such section.
  const Section* Find(std::string_view section) const;
  // The value, perhaps empty; nothing without such a section or key.
  std::optional<std::string> Get(std::string_view section,
                                 std::string_view key) const;
  const std::map<std::string, Section, std::less<>>& sections() const {
    return sections_;
  }

 private:
  std::map<std::string, Section, std::less<>> sections_;
};

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_CREDENTIALS_INI_FILE_H_
