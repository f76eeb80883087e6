// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/time/clock.h"
#include "cli/exit_code.h"

namespace constellation::cli {
namespace {

constexpr absl::Duration kPollInterval = absl::Milliseconds(100);

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

// The second time nothing is tidied up: that is what the user asked for.
extern "C" void OnInterrupt(int /*signal*/) {
  if (interrupted.exchange(true)) {
    _exit(static_cast<int>(ExitCode::kInterrupted));
  }
  // Only async-signal-safe calls here; a failed message changes nothing.
  static constexpr char kMessage[] =
      "\nStopping; press Ctrl-C again to stop at once.\n";
  [[maybe_unused]] const ssize_t written =
      write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1);
}

}  // namespace

void HandleInterrupts() {
  struct sigaction action {};
  action.sa_handler = OnInterrupt;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool Interrupted() {
  return interrupted.load();
}

absl::Status CheckInterrupted() {
  return Interrupted() ? InterruptedStatus() : absl::OkStatus();
}

absl::Status InterruptibleSleep(absl::Duration duration) {
  const absl::Time end = absl::Now() + duration;
  while (!Interrupted()) {
    const absl::Duration left = end - absl::Now();
    if (left <= absl::ZeroDuration()) {
      return absl::OkStatus();
    }
    absl::SleepFor(std::min(left, kPollInterval));
  }
  return CheckInterrupted();
}

CancelOnInterrupt::CancelOnInterrupt(std::function<void()> cancel)
    : watcher_([this, cancel = std::move(cancel)] {
        while (!done_.WaitForNotificationWithTimeout(kPollInterval)) {
          if (Interrupted()) {
            cancel();
            return;
          }
        }
      }) {}

CancelOnInterrupt::~CancelOnInterrupt() {
  done_.Notify();
  watcher_.join();
}

void SetInterruptedForTesting(bool value) {
  interrupted = value;
}

}  // namespace constellation::cli
