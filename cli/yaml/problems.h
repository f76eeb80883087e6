// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_YAML_PROBLEMS_H_
#define CONSTELLATION_CLI_YAML_PROBLEMS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace constellation::cli {

// Everything that is wrong with a file, so that the user can mend it in one go.
// Owned by whoever reads the file; readers of its parts hold references. Not
// thread-safe.
class Problems final {
 public:
  // `line` is counted from 1; 0 means that something is missing.
  void Add(int line, std::string_view message);
  // How many there are so far.
  bool empty() const { return problems_.empty(); }
  size_t size() const { return problems_.size(); }

  // OK without problems, else INVALID_ARGUMENT with one line for each, in the
  // order of the file: "line <n>: <message>".
  absl::Status ToStatus(std::string_view file) const;

 private:
  struct Problem {
    int line;
    std::string message;
  };
  std::vector<Problem> problems_;
};

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_YAML_PROBLEMS_H_
