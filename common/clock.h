// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_COMMON_CLOCK_H_
#define CONSTELLATION_COMMON_CLOCK_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace constellation {

// Time as seen by code that waits or expires things. Implementations are
// thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // The wall clock; it may jump. Sleep() blocks the calling thread.
  virtual absl::Time Now() const = 0;
  virtual void Sleep(absl::Duration duration) = 0;

  // The system's clock. Never destroyed.
  static Clock& System();
};

// A clock that stands still except when someone sleeps or moves it.
// Thread-safe.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(absl::Time start);
  absl::Time Now() const override;
  void Sleep(absl::Duration duration) override { Advance(duration); }
  void Advance(absl::Duration duration);

 private:
  mutable absl::Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation

#endif  // CONSTELLATION_COMMON_CLOCK_H_
