// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_HTTP_POLL_H_
#define CONSTELLATION_CLOUD_HTTP_POLL_H_

#include <functional>
#include <optional>
#include <stop_token>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"

namespace constellation::cloud {

// How often to ask for the end of a long operation.
struct PollOptions {
  absl::Duration first_delay = absl::Seconds(1);
  absl::Duration max_delay = absl::Seconds(15);
  double factor = 1.5;
  absl::Duration timeout = absl::Minutes(20);
  // Transient errors in a row that are borne.
  int max_errors = 5;
};

// What one question found.
struct PollStep {
  bool done = false;
  // When the server wants the next question; overrides the delay.
  std::optional<absl::Duration> retry_after = {};
};

// Asks until done. `what` names the operation in messages. DEADLINE_EXCEEDED
// after `options.timeout`, CANCELLED on a stop, else the error of `ask`:
// transient ones (common/retry.h) are borne, any other ends the poll.
absl::Status Poll(const PollOptions& options, Clock& clock,
                  const std::stop_token& stop, std::string_view what,
                  const std::function<absl::StatusOr<PollStep>()>& ask);

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_HTTP_POLL_H_
