// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_ENGINE_LIFECYCLE_H_
#define CONSTELLATION_CLOUD_ENGINE_LIFECYCLE_H_

#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cloud/engine/cloud_error.h"
#include "cloud/engine/journal.h"
#include "cloud/engine/resource.h"
#include "cloud/engine/resource_driver.h"
#include "cloud/http/backoff.h"
#include "cloud/http/poll.h"
#include "common/clock.h"

namespace constellation::cloud {

// What happens to a resource at the moment.
enum class ProgressStep {
  kLooking,  // for something that may have been made earlier
  kCreating,
  kUpdating,
  kWaiting,  // until it is ready
  kReady,
  kRetrying,  // after a failure that may pass
  kDeleting,
  kGone,
  kFailed,
};

// "looking", "creating", ...: the words of JSON output.
std::string_view ProgressStepName(ProgressStep step);

// One line for a user who watches.
struct Progress {
  ProgressStep step = ProgressStep::kLooking;
  std::string kind = {};
  std::string name = {};
  std::string detail = {};  // id, reason; may be empty
};

// Called by one thread at a time; must return soon.
using ProgressSink = std::function<void(const Progress&)>;

// How patient the engine is. The defaults are for real clouds.
struct EngineOptions {
  int parallelism = 8;
  Backoff backoff = {.base = absl::Seconds(1), .cap = absl::Seconds(20)};
  PollOptions poll = {};  // its timeout comes from DriverTraits
  // Of one create or delete, all repeats together.
  absl::Duration retry_for = absl::Minutes(10);
  // Attempts at something that the cloud accepted and then failed to make.
  int create_attempts = 2;
  // Whether things that work may be deleted or replaced by Apply().
  bool allow_deletion = false;
  ConsistencyWindow window = {};
};

// What one run works with. Everything must outlive it.
struct EngineParts {
  const ClusterIdentity& cluster;
  const DriverRegistry& drivers;
  Journal& journal;
  Clock& clock;
  RandomSource random = SystemRandom();
  EngineOptions options = {};
  ProgressSink progress = {};
  std::stop_token stop = {};
};

// The life of single resources: looking for, making, changing and deleting one,
// with the journal written around every call. Thread-safe for different names.
class Lifecycle final {
 public:
  explicit Lifecycle(const EngineParts& parts) : parts_(parts) {}

  // What exists of `resource`. If the journal says that there is something, an
  // empty answer is believed only once the cloud must have shown it.
  absl::StatusOr<std::vector<Observed>> Find(const Resource& resource);

  // Makes it, waits until it is ready. The journal holds it before the cloud
  // does. ALREADY_EXISTS if the name belongs to somebody else.
  absl::StatusOr<Observed> Make(const Resource& resource);

  // Takes over what was found: notes it, changes it if `update`, waits.
  absl::StatusOr<Observed> Adopt(const Resource& resource,
                                 const Observed& found, bool update);

  // Deletes `found`, waits until it is gone. `resource` needs its kind, name
  // and dependencies only. The journal forgets the name if `forget`. Refusals
  // that may pass are borne for `patience`, at most DriverTraits::gone_timeout.
  absl::Status Remove(const Resource& resource, const Observed& found,
                      bool forget,
                      absl::Duration patience = absl::InfiniteDuration());

  // Looks for a journalled thing and deletes all that is found.
  absl::Status FindAndRemove(const Resource& resource);

  // Everything of `kind` with the cluster's uid; passing errors are borne.
  absl::StatusOr<std::vector<Stray>> List(const std::string& kind);

  // What dependents see from now on under `name`, and all of that.
  void Publish(const std::string& name, const Observed& observed);
  std::map<std::string, Observed> Outputs() const;

  // Tells EngineParts::progress, one thread at a time.
  void Report(ProgressStep step, const Resource& resource,
              std::string_view detail);

 private:
  absl::StatusOr<ResourceDriver*> DriverOf(const Resource& resource) const;
  DriverContext ContextOf(const Resource& resource) const;
  absl::StatusOr<std::vector<Observed>> FindUntil(const Resource& resource,
                                                  absl::Time visible_by);
  absl::StatusOr<std::optional<Observed>> Attempt(const Resource& resource,
                                                  ResourceDriver& driver,
                                                  std::string_view token,
                                                  bool first);
  absl::StatusOr<Observed> CreateOnce(const Resource& resource,
                                      ResourceDriver& driver,
                                      const std::string& token, bool resumed);
  absl::StatusOr<Observed> AwaitReady(const Resource& resource,
                                      const Observed& observed);
  absl::Status AwaitGone(const Resource& resource, ResourceDriver& driver,
                         const Observed& observed, absl::Duration patience);
  absl::Status DeleteOnce(const Resource& resource, ResourceDriver& driver,
                          const Observed& observed, absl::Duration patience);
  absl::Status Pause(const Resource& resource, int attempt,
                     const absl::Status& why);
  std::string NewToken() const;

  const EngineParts& parts_;
  mutable absl::Mutex mutex_;
  std::map<std::string, Observed, std::less<>> outputs_ ABSL_GUARDED_BY(mutex_);
  absl::Mutex progress_mutex_;
};

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_ENGINE_LIFECYCLE_H_
