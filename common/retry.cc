// SPDX-License-Identifier: Apache-2.0
#include "common/retry.h"

#include <algorithm>

namespace constellation {

bool IsTransient(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kAborted:
      return true;
    default:
      return false;
  }
}

// Does not sleep if the time would be over afterwards.
absl::Status Retry(const RetryPolicy& policy, Clock& clock,
                   const std::function<absl::Status()>& attempt) {
  const absl::Time deadline = clock.Now() + policy.give_up_after;
  absl::Duration delay = policy.first_delay;
  while (true) {
    absl::Status status = attempt();
    if (status.ok() || !IsTransient(status) || clock.Now() + delay > deadline) {
      return status;
    }
    clock.Sleep(delay);
    delay = std::min(delay * policy.factor, policy.max_delay);
  }
}

}  // namespace constellation
