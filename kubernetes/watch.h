// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_WATCH_H_
#define CONSTELLATION_KUBERNETES_WATCH_H_

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "kubernetes/client.h"
#include "kubernetes/json.h"

namespace constellation::kubernetes {

// What happened to a collection.
class WatchHandler {
 public:
  virtual ~WatchHandler() = default;
  // The collection as it is now; replaces all that was known. Comes first, and
  // again whenever the API server has forgotten where we were.
  virtual void OnList(const ObjectList& list) = 0;
  // `object` was created or changed.
  virtual void OnChange(const Json& object) = 0;
  // `object`, in its last state, was deleted.
  virtual void OnDelete(const Json& object) = 0;
};

// Which objects, and how long to wait for what.
struct WatchOptions {
  Selection selection;
  // The API server ends a watch after this time; it is then continued.
  absl::Duration server_timeout = absl::Minutes(5);
  absl::Duration first_delay = absl::Seconds(1);
  absl::Duration max_delay = absl::Seconds(30);
};

// Lists the collection at `path`, then follows it until `stop` is requested:
// continues where it was after time-outs, broken connections and errors that
// may pass, waiting longer each time nothing was received; lists anew after
// 410 Gone. Calls `handler` on this thread.
//
// Returns CANCELLED once stopped, or the first error that will not pass
// (UNAUTHENTICATED, PERMISSION_DENIED, NOT_FOUND, INVALID_ARGUMENT, ...).
absl::Status Watch(Client& client, std::string_view path,
                   const WatchOptions& options, Clock& clock,
                   const std::stop_token& stop, WatchHandler& handler);

}  // namespace constellation::kubernetes

#endif  // CONSTELLATION_KUBERNETES_WATCH_H_
