// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_TESTING_FAKE_COMMAND_RUNNER_H_
#define CONSTELLATION_BOOTSTRAPPER_TESTING_FAKE_COMMAND_RUNNER_H_

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "common/command.h"
#include "common/hex.h"

namespace constellation::bootstrapper::testing {

// Records what was run; answers as told, else with success. Thread-safe.
class FakeCommandRunner final : public CommandRunner {
 public:
  using Answer = std::function<absl::StatusOr<CommandResult>()>;

  absl::StatusOr<CommandResult> Run(const std::vector<std::string>& argv,
                                    const CommandOptions& options) override {
    const std::string line = fmt::format("{}", fmt::join(argv, " "));
    Answer answer;
    {
      const absl::MutexLock lock(&mutex_);
      lines_.push_back(line);
      inputs_[line] = std::string(AsText(options.input));
      for (const auto& [prefix, candidate] : answers_) {
        if (line.starts_with(prefix)) {
          answer = candidate;
        }
      }
    }
    return answer ? answer() : CommandResult{};
  }

  // What a command that begins with `prefix` gives; the longest prefix that
  // sorts last wins.
  void On(const std::string& prefix, Answer answer) {
    const absl::MutexLock lock(&mutex_);
    answers_[prefix] = std::move(answer);
  }
  void OnOutput(const std::string& prefix, const std::string& out) {
    On(prefix, [out] { return CommandResult{0, out, ""}; });
  }
  void FailOn(const std::string& prefix, const std::string& error) {
    On(prefix, [error] { return CommandResult{1, "", error}; });
  }

  std::vector<std::string> lines() const {
    const absl::MutexLock lock(&mutex_);
    return lines_;
  }
  bool Ran(std::string_view prefix) const { return Position(prefix) >= 0; }
  // Index of the first command that begins with `prefix`, or -1.
  int Position(std::string_view prefix) const {
    const absl::MutexLock lock(&mutex_);
    for (size_t i = 0; i < lines_.size(); ++i) {
      if (lines_[i].starts_with(prefix)) {
        return static_cast<int>(i);
      }
    }
    return -1;
  }
  std::string InputOf(std::string_view prefix) const {
    const absl::MutexLock lock(&mutex_);
    for (const auto& [line, input] : inputs_) {
      if (line.starts_with(prefix)) {
        return input;
      }
    }
    return "";
  }

 private:
  mutable absl::Mutex mutex_;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> inputs_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Answer> answers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::bootstrapper::testing

#endif  // CONSTELLATION_BOOTSTRAPPER_TESTING_FAKE_COMMAND_RUNNER_H_
