// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_TERMINAL_PROGRESS_H_
#define CONSTELLATION_CLI_TERMINAL_PROGRESS_H_

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace constellation::cli {

// Tells the user what is going on during work that may take minutes: phases,
// each with what it does at the moment and its elapsed time. At most one phase
// is open. Implementations are thread-safe.
class Progress {
 public:
  virtual ~Progress() = default;
  // Opens a phase; an open one is ended as done.
  virtual void Begin(std::string_view phase) = 0;
  // Says what the open phase does now. Repeating a text is free.
  virtual void Detail(std::string_view text) = 0;
  // Ends the open phase.
  virtual void Done(std::string_view result = "") = 0;
  // Likewise, as failed; the reason is told elsewhere.
  virtual void Failed() = 0;
  // A line of its own, whether a phase is open or not.
  virtual void Note(std::string_view text) = 0;
};

// Writes to `file`: on a terminal one line per phase that is updated several
// times a second, else a line for each beginning, each new detail and each end.
// CONSTELL_NO_SPINNER in the environment forces plain lines.
std::unique_ptr<Progress> CreateProgress(std::FILE* file);
// The two forms, for tests.
std::unique_ptr<Progress> CreatePlainProgress(std::FILE* file);
std::unique_ptr<Progress> CreateTerminalProgress(std::FILE* file);
// Swallows everything.
std::unique_ptr<Progress> CreateSilentProgress();

// "4.2s", "1m07s", "2h03m".
std::string FormatElapsed(absl::Duration elapsed);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_TERMINAL_PROGRESS_H_
