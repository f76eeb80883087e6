// SPDX-License-Identifier: Apache-2.0
#include "cloud/http/rate_limiter.h"

#include <algorithm>

namespace constellation::cloud {

// Tokens may become negative: then they are promised, and each further caller
// waits longer. A clock that goes backwards earns nothing.
absl::Duration RateLimiter::Reserve(const std::string& host, absl::Time now) {
  const absl::MutexLock lock(&mutex_);
  Bucket& bucket = buckets_[host];
  if (bucket.filled == absl::InfinitePast()) {
    bucket.tokens = limit_.burst;
  } else if (now > bucket.filled) {
    const double earned =
        absl::ToDoubleSeconds(now - bucket.filled) * limit_.per_second;
    bucket.tokens = std::min(limit_.burst, bucket.tokens + earned);
  }
  bucket.filled = std::max(bucket.filled, now);
  bucket.tokens -= 1;
  absl::Duration wait = absl::ZeroDuration();
  if (bucket.tokens < 0) {
    wait = absl::Seconds(-bucket.tokens / limit_.per_second);
  }
  return std::max({wait, bucket.paused_until - now, absl::ZeroDuration()});
}

// Buckets that are new start full, as in Reserve().
void RateLimiter::Pause(const std::string& host, absl::Time until) {
  const absl::MutexLock lock(&mutex_);
  Bucket& bucket = buckets_[host];
  if (bucket.filled == absl::InfinitePast()) {
    bucket.tokens = limit_.burst;
    bucket.filled = absl::UnixEpoch();
  }
  bucket.paused_until = std::max(bucket.paused_until, until);
}

}  // namespace constellation::cloud
