// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_HTTP_RATE_LIMITER_H_
#define CONSTELLATION_CLOUD_HTTP_RATE_LIMITER_H_

#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace constellation::cloud {

// At most `per_second` requests a second to one host, after a burst.
struct RateLimit {
  double per_second = 10;  // above 0
  double burst = 20;       // at least 1
};

// A token bucket per host that also keeps the pauses that servers ask for, so
// that one throttled request slows all of them. Waits for nobody: it says how
// long to wait. Thread-safe.
class RateLimiter final {
 public:
  explicit RateLimiter(RateLimit limit) : limit_(limit) {}

  // Takes a token for `host` and returns how long its holder has to wait from
  // `now` on. Zero most of the time.
  absl::Duration Reserve(const std::string& host, absl::Time now);

  // Nobody reserves a time before `until`; earlier ends do not count.
  void Pause(const std::string& host, absl::Time until);

 private:
  struct Bucket {
    double tokens = 0;  // below 0: already promised
    absl::Time filled = absl::InfinitePast();
    absl::Time paused_until = absl::InfinitePast();
  };

  const RateLimit limit_;
  absl::Mutex mutex_;
  std::map<std::string, Bucket> buckets_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_HTTP_RATE_LIMITER_H_
