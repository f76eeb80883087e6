// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_COMMON_RETRY_H_
#define CONSTELLATION_COMMON_RETRY_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/clock.h"

namespace constellation {

// How often, and for how long, to try again.
struct RetryPolicy {
  // Grows by `factor` after each attempt, up to `max_delay`.
  absl::Duration first_delay = absl::Seconds(1);
  absl::Duration max_delay = absl::Seconds(15);
  double factor = 2.0;
  absl::Duration give_up_after = absl::Minutes(5);
};

// Whether `status` says that the same call may succeed later: UNAVAILABLE,
// DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED.
bool IsTransient(const absl::Status& status);

// Calls `attempt` until it is OK, fails with a status that is not transient, or
// `policy.give_up_after` has passed; returns the last status.
absl::Status Retry(const RetryPolicy& policy, Clock& clock,
                   const std::function<absl::Status()>& attempt);

}  // namespace constellation

#endif  // CONSTELLATION_COMMON_RETRY_H_
