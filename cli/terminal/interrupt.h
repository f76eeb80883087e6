// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_TERMINAL_INTERRUPT_H_
#define CONSTELLATION_CLI_TERMINAL_INTERRUPT_H_

#include <functional>
#include <thread>

#include "absl/status/status.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

namespace constellation::cli {

// From now on the first Ctrl-C (SIGINT, SIGTERM) sets a flag that long work
// asks for; the second one ends the process at once with exit code 130.
void HandleInterrupts();

// Whether Ctrl-C was pressed. Thread-safe.
bool Interrupted();

// CANCELLED if Ctrl-C was pressed, else OK.
absl::Status CheckInterrupted();

// Sleeps for `duration` or until Ctrl-C; then CANCELLED.
absl::Status InterruptibleSleep(absl::Duration duration);

// Calls `cancel` once, from another thread, when Ctrl-C is pressed while this
// object lives: the way to end a blocking call.
class CancelOnInterrupt final {
 public:
  explicit CancelOnInterrupt(std::function<void()> cancel);
  CancelOnInterrupt(const CancelOnInterrupt&) = delete;
  CancelOnInterrupt& operator=(const CancelOnInterrupt&) = delete;
  ~CancelOnInterrupt();

 private:
  absl::Notification done_;
  std::thread watcher_;
};

// As if Ctrl-C had been pressed, or not.
void SetInterruptedForTesting(bool interrupted);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_TERMINAL_INTERRUPT_H_
