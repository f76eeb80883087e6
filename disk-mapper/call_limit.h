// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_CALL_LIMIT_H_
#define CONSTELLATION_DISK_MAPPER_CALL_LIMIT_H_

#include <functional>
#include <thread>
#include <utility>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

namespace constellation::disk_mapper {

// Calls `expired` on a thread of its own unless destroyed within `limit`. Once
// the destructor has returned, `expired` does not run.
class CallLimit final {
 public:
  CallLimit(absl::Duration limit, std::function<void()> expired)
      : thread_([this, limit, expired = std::move(expired)] {
          if (!done_.WaitForNotificationWithTimeout(limit)) {
            expired();
          }
        }) {}
  CallLimit(const CallLimit&) = delete;
  CallLimit& operator=(const CallLimit&) = delete;
  ~CallLimit() {
    done_.Notify();
    thread_.join();
  }

 private:
  absl::Notification done_;
  std::thread thread_;
};

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_CALL_LIMIT_H_
