// SPDX-License-Identifier: Apache-2.0
#include "cloud/http/backoff.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>

namespace constellation::cloud {
namespace {

// How soon a stop is noticed.
constexpr absl::Duration kSlice = absl::Milliseconds(100);
// Beyond that a double could overflow; every cap is far below.
constexpr int kMaxDoublings = 30;

// Digits only, and no more than 68 years in seconds. Signs and fractions are
// refused.
std::optional<int64_t> WholeNumber(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 ||
      value > INT32_MAX) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

// One device for each thread: std::random_device is not thread-safe.
RandomSource SystemRandom() {
  return [] {
    thread_local std::random_device device;
    constexpr double kRange = 4294967296.0;  // one above the largest of 32 bits
    return static_cast<double>(device()) / kRange;
  };
}

// "Full jitter": anything between nothing and the doubled delay, so that
// clients that failed together do not come back together.
absl::Duration Backoff::Delay(int attempt, double random) const {
  const double factor = std::ldexp(1.0, std::clamp(attempt, 0, kMaxDoublings));
  return std::min(base * factor, cap) * std::clamp(random, 0.0, 1.0);
}

// The finer header wins (Azure has both). A date in the past is no wait; what
// cannot be read counts as absent.
std::optional<absl::Duration> RetryAfter(const HttpResponse& response,
                                         absl::Time now) {
  for (const std::string_view name :
       {"retry-after-ms", "x-ms-retry-after-ms"}) {
    const auto value = response.Header(name);
    const auto number = value ? WholeNumber(*value) : std::nullopt;
    if (number) {
      return absl::Milliseconds(*number);
    }
  }
  const auto value = response.Header("retry-after");
  if (!value) {
    return std::nullopt;
  }
  if (const auto number = WholeNumber(*value)) {
    return absl::Seconds(*number);
  }
  absl::Time when;
  std::string error;
  if (absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", std::string(*value), &when,
                      &error)) {
    return std::max(when - now, absl::ZeroDuration());
  }
  return std::nullopt;
}

// In short slices where a stop is possible, as a Clock cannot be interrupted.
bool SleepUnlessStopped(Clock& clock, absl::Duration duration,
                        const std::stop_token& stop) {
  const absl::Time end = clock.Now() + duration;
  while (!stop.stop_requested()) {
    const absl::Duration left = end - clock.Now();
    if (left <= absl::ZeroDuration()) {
      return true;
    }
    // Without a stop there is nothing to notice.
    clock.Sleep(stop.stop_possible() ? std::min(left, kSlice) : left);
  }
  return false;
}

// By status alone; clouds refine it. 501 and the like never pass.
AnswerClass ClassifyByStatus(const HttpResponse& response) {
  switch (response.status) {
    case 429:
      return AnswerClass::kThrottled;
    case 408:
    case 500:
    case 502:
    case 503:
    case 504:
      return AnswerClass::kServerError;
    default:
      return AnswerClass::kFinal;
  }
}

}  // namespace constellation::cloud
