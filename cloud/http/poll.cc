// SPDX-License-Identifier: Apache-2.0
#include "cloud/http/poll.h"

#include <fmt/format.h>

#include <algorithm>

#include "cloud/http/backoff.h"
#include "common/retry.h"
#include "common/status.h"

namespace constellation::cloud {
namespace {

// Against a server that asks for no pause at all.
constexpr absl::Duration kShortest = absl::Milliseconds(100);

}  // namespace

// Delays grow from question to question; a server's wish goes before them.
// Errors in a row are borne up to a number, one success forgets them.
absl::Status Poll(const PollOptions& options, Clock& clock,
                  const std::stop_token& stop, std::string_view what,
                  const std::function<absl::StatusOr<PollStep>()>& ask) {
  const absl::Time deadline = clock.Now() + options.timeout;
  absl::Duration delay = options.first_delay;
  int errors = 0;
  while (!stop.stop_requested()) {
    const absl::StatusOr<PollStep> step = ask();
    if (step.ok() && step->done) {
      return absl::OkStatus();
    }
    errors = step.ok() ? 0 : errors + 1;
    if (!step.ok() &&
        (!IsTransient(step.status()) || errors > options.max_errors)) {
      return step.status();
    }
    // A server that wishes for no pause does not get a loop without one.
    const absl::Duration wait =
        step.ok() ? std::max(step->retry_after.value_or(delay), kShortest)
                  : delay;
    const absl::Duration left = deadline - clock.Now();
    if (left <= absl::ZeroDuration()) {
      return step.ok() ? DeadlineExceeded(
                             fmt::format("{}: not done after {}", what,
                                         absl::FormatDuration(options.timeout)))
                       : step.status();
    }
    // One last question when the time is up.
    if (!SleepUnlessStopped(clock, std::min(wait, left), stop)) {
      break;
    }
    delay = std::min(delay * options.factor, options.max_delay);
  }
  return absl::CancelledError(fmt::format("{}: cancelled", what));
}

}  // namespace constellation::cloud
