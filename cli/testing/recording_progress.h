// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_TESTING_RECORDING_PROGRESS_H_
#define CONSTELLATION_CLI_TESTING_RECORDING_PROGRESS_H_

#include <string>
#include <string_view>
#include <vector>

#include "cli/terminal/progress.h"

namespace constellation::cli::testing {

// Keeps what a user would have been told: "begin X", "detail X", "done X",
// "failed", "note X". Not thread-safe.
class RecordingProgress final : public Progress {
 public:
  void Begin(std::string_view phase) override { Keep("begin ", phase); }
  void Detail(std::string_view text) override { Keep("detail ", text); }
  void Done(std::string_view result) override { Keep("done ", result); }
  void Failed() override { Keep("failed", ""); }
  void Note(std::string_view text) override { Keep("note ", text); }

  const std::vector<std::string>& lines() const { return lines_; }
  void Clear() { lines_.clear(); }

 private:
  void Keep(std::string_view word, std::string_view text) {
    lines_.push_back(std::string(word) + std::string(text));
  }

  std::vector<std::string> lines_;
};

}  // namespace constellation::cli::testing

#endif  // CONSTELLATION_CLI_TESTING_RECORDING_PROGRESS_H_
