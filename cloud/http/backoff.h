// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_HTTP_BACKOFF_H_
#define CONSTELLATION_CLOUD_HTTP_BACKOFF_H_

#include <functional>
#include <optional>
#include <stop_token>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cloud/http/http_transport.h"
#include "common/clock.h"

namespace constellation::cloud {

// A number in [0, 1), another one at each call. Thread-safe.
using RandomSource = std::function<double()>;

// A RandomSource over the operating system's generator.
RandomSource SystemRandom();

// How long to wait before trying again: "full jitter", a random part of a span
// that doubles with every attempt.
struct Backoff {
  absl::Duration base = absl::Milliseconds(500);  // the first span
  absl::Duration cap = absl::Seconds(20);         // the longest span

  // `attempt` counts from 0; `random` is in [0, 1). Never above `cap`.
  absl::Duration Delay(int attempt, double random) const;
};

// When a server wants the next request: Retry-After in seconds or as a date
// (RFC 9110, 10.2.3), or retry-after-ms / x-ms-retry-after-ms. Nothing if there
// is no such header or it is not understood; never negative.
std::optional<absl::Duration> RetryAfter(const HttpResponse& response,
                                         absl::Time now);

// Sleeps in slices, so that a stop is noticed within 100 ms. False if stopped.
bool SleepUnlessStopped(Clock& clock, absl::Duration duration,
                        const std::stop_token& stop);

// What an answer means for a repeat.
enum class AnswerClass {
  kFinal,        // the server's last word, good or bad
  kThrottled,    // not executed, come back later
  kServerError,  // may have been executed; may work later
};

// By status alone: 429 is throttling, 500/502/503/504 and 408 server errors.
// Clouds that say it in a code (EC2's 503 RequestLimitExceeded) wrap it.
AnswerClass ClassifyByStatus(const HttpResponse& response);

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_HTTP_BACKOFF_H_
