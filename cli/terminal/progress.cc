// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "cli/terminal/table.h"

namespace constellation::cli {
namespace {

constexpr absl::Duration kFrame = absl::Milliseconds(200);
constexpr size_t kDefaultColumns = 80;

// What both forms share: the open phase and its beginning.
class ProgressBase : public Progress {
 public:
  explicit ProgressBase(std::FILE* file) : file_(file) {}

  void Begin(std::string_view phase) override {
    const absl::MutexLock lock(&mutex_);
    End("done", "");
    phase_ = Printable(phase);
    detail_.clear();
    begin_ = absl::Now();
    open_ = true;
    ShowBegin();
  }
  void Detail(std::string_view text) override {
    const absl::MutexLock lock(&mutex_);
    std::string printable = Printable(text);
    if (!open_ || printable == detail_) {
      return;
    }
    detail_ = std::move(printable);
    ShowDetail();
  }
  void Done(std::string_view result) override {
    const absl::MutexLock lock(&mutex_);
    End("done", result);
  }
  void Failed() override {
    const absl::MutexLock lock(&mutex_);
    End("FAILED", "");
  }
  void Note(std::string_view text) override {
    const absl::MutexLock lock(&mutex_);
    ClearLine();
    Write(fmt::format("{}\n", text));
  }

 protected:
  virtual void ShowBegin() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;
  virtual void ShowDetail() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;
  virtual void ClearLine() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {}

  void Write(std::string_view text) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::fwrite(text.data(), 1, text.size(), file_);
    std::fflush(file_);
  }
  std::string Elapsed() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return FormatElapsed(absl::Now() - begin_);
  }
  // The line that stays: phase, outcome, how long it took.
  void End(std::string_view word, std::string_view result)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!open_) {
      return;
    }
    open_ = false;
    ClearLine();
    Write(fmt::format("{}: {} in {}{}\n", phase_, word, Elapsed(),
                      result.empty() ? "" : fmt::format(" ({})", result)));
  }

  absl::Mutex mutex_;
  std::FILE* const file_;
  std::string phase_ ABSL_GUARDED_BY(mutex_);
  std::string detail_ ABSL_GUARDED_BY(mutex_);
  absl::Time begin_ ABSL_GUARDED_BY(mutex_);
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
};

// For files and pipelines: nothing is ever overwritten.
class PlainProgress final : public ProgressBase {
 public:
  using ProgressBase::ProgressBase;

 private:
  void ShowBegin() override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Write(fmt::format("{} ...\n", phase_));
  }
  void ShowDetail() override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Write(fmt::format("  [{}] {}\n", Elapsed(), detail_));
  }
};

// Redraws the line of the open phase from a thread of its own.
class TerminalProgress final : public ProgressBase {
 public:
  explicit TerminalProgress(std::FILE* file)
      : ProgressBase(file), painter_([this] { Paint(); }) {}
  ~TerminalProgress() override {
    stop_.Notify();
    painter_.join();
    const absl::MutexLock lock(&mutex_);
    ClearLine();
  }

 private:
  void ShowBegin() override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { Draw(); }
  void ShowDetail() override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { Draw(); }
  void ClearLine() override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (drawn_) {
      Write("\r\x1b[K");
      drawn_ = false;
    }
  }

  // The thread draws only what the lock protects; it ends with the object.
  void Paint() {
    while (!stop_.WaitForNotificationWithTimeout(kFrame)) {
      const absl::MutexLock lock(&mutex_);
      if (open_) {
        ++frame_;
        Draw();
      }
    }
  }

  void Draw() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    static constexpr std::array<char, 4> kFrames = {'|', '/', '-', '\\'};
    std::string line = fmt::format("{} {} {}", kFrames[frame_ % kFrames.size()],
                                   phase_, Elapsed());
    if (!detail_.empty()) {
      line += " - " + detail_;
    }
    // A line that wraps cannot be redrawn, so it is cut.
    const size_t columns = Columns();
    if (DisplayWidth(line) >= columns && line.size() > columns - 1) {
      line.resize(columns - 1);
      line = Printable(line);
    }
    Write("\r\x1b[K" + line);
    drawn_ = true;
  }

  // Asked each time: the window may change its size.
  size_t Columns() const {
    winsize size{};
    if (ioctl(fileno(file_), TIOCGWINSZ, &size) != 0 || size.ws_col < 20) {
      return kDefaultColumns;
    }
    return size.ws_col;
  }

  size_t frame_ ABSL_GUARDED_BY(mutex_) = 0;
  bool drawn_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Notification stop_;
  std::thread painter_;
};

class SilentProgress final : public Progress {
 public:
  void Begin(std::string_view /*phase*/) override {}
  void Detail(std::string_view /*text*/) override {}
  void Done(std::string_view /*result*/) override {}
  void Failed() override {}
  void Note(std::string_view /*text*/) override {}
};

}  // namespace

// TERM=dumb, CI systems and editors get plain lines.
std::unique_ptr<Progress> CreateProgress(std::FILE* file) {
  const char* term = std::getenv("TERM");
  if (isatty(fileno(file)) == 1 &&
      std::getenv("CONSTELL_NO_SPINNER") == nullptr &&
      (term == nullptr || std::string_view(term) != "dumb")) {
    return CreateTerminalProgress(file);
  }
  return CreatePlainProgress(file);
}

std::unique_ptr<Progress> CreatePlainProgress(std::FILE* file) {
  return std::make_unique<PlainProgress>(file);
}

std::unique_ptr<Progress> CreateTerminalProgress(std::FILE* file) {
  return std::make_unique<TerminalProgress>(file);
}

std::unique_ptr<Progress> CreateSilentProgress() {
  return std::make_unique<SilentProgress>();
}

std::string FormatElapsed(absl::Duration elapsed) {
  const int64_t millis =
      std::max<int64_t>(0, absl::ToInt64Milliseconds(elapsed));
  const int64_t seconds = millis / 1000;
  if (seconds < 60) {
    return fmt::format("{}.{}s", seconds, millis % 1000 / 100);
  }
  if (seconds < 3600) {
    return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  }
  return fmt::format("{}h{:02}m", seconds / 3600, seconds % 3600 / 60);
}

}  // namespace constellation::cli
