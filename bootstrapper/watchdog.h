// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_WATCHDOG_H_
#define CONSTELLATION_BOOTSTRAPPER_WATCHDOG_H_

#include <functional>
#include <thread>
#include <utility>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

namespace constellation::bootstrapper {

// Calls `expired` on a thread of its own unless it is destroyed or disarmed
// within `limit`. Once the destructor or Disarm() has returned, `expired` is
// not running and will not.
class Watchdog final {
 public:
  Watchdog(absl::Duration limit, std::function<void()> expired)
      : thread_([this, limit, expired = std::move(expired)] {
          if (!disarmed_.WaitForNotificationWithTimeout(limit)) {
            expired();
          }
        }) {}
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog() { Disarm(); }

  // Not thread-safe.
  void Disarm() {
    if (thread_.joinable()) {
      disarmed_.Notify();
      thread_.join();
    }
  }

 private:
  absl::Notification disarmed_;
  std::thread thread_;
};

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_WATCHDOG_H_
