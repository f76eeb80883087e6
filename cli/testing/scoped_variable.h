// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_TESTING_SCOPED_VARIABLE_H_
#define CONSTELLATION_CLI_TESTING_SCOPED_VARIABLE_H_

#include <stdlib.h>

#include <optional>
#include <string>
#include <utility>

namespace constellation::cli::testing {

// A variable of this process's environment that is as it was when this object
// goes: tests of one program see nothing of each other. Not safe beside
// threads that read the environment.
class ScopedVariable final {
 public:
  // Changes nothing before Set().
  explicit ScopedVariable(std::string name) : name_(std::move(name)) {
    if (const char* value = getenv(name_.c_str())) {
      before_ = value;
    }
  }
  // Sets it at once; nothing: it is not set.
  ScopedVariable(std::string name, const std::optional<std::string>& value)
      : ScopedVariable(std::move(name)) {
    Set(value);
  }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;
  ~ScopedVariable() { Set(before_); }

  void Set(const std::optional<std::string>& value) {
    if (value.has_value()) {
      setenv(name_.c_str(), value->c_str(), 1);
    } else {
      unsetenv(name_.c_str());
    }
  }

 private:
  const std::string name_;
  std::optional<std::string> before_;
};

}  // namespace constellation::cli::testing

#endif  // CONSTELLATION_CLI_TESTING_SCOPED_VARIABLE_H_
