// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/lifecycle.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud {
namespace {

using Kind = CloudErrorKind;

constexpr int kMaxUidInToken = 40;

absl::Status Cancelled() {
  return MakeCloudError({.kind = Kind::kCancelled, .message = "cancelled"});
}

}  // namespace

std::string_view ProgressStepName(ProgressStep step) {
  constexpr std::array<std::string_view, 9> kNames = {
      "looking",  "creating", "updating", "waiting", "ready",
      "retrying", "deleting", "gone",     "failed"};
  return kNames.at(static_cast<size_t>(step));
}

absl::StatusOr<ResourceDriver*> Lifecycle::DriverOf(
    const Resource& resource) const {
  ResourceDriver* driver = parts_.drivers.Get(resource.kind);
  if (driver == nullptr) {
    return InvalidArgument(fmt::format("{}: nothing drives kind \"{}\"",
                                       resource.name, resource.kind));
  }
  return driver;
}

// The context's dependency looks up what this run knows; it lives as long as
// this object.
DriverContext Lifecycle::ContextOf(const Resource& resource) const {
  const auto entry = parts_.journal.Find(resource.name);
  return {.cluster = parts_.cluster,
          .resource = resource,
          .known_id = entry ? entry->id : "",
          .dependency = [this](std::string_view name) -> const Observed* {
            const absl::MutexLock lock(&mutex_);
            const auto found = outputs_.find(name);
            return found == outputs_.end() ? nullptr : &found->second;
          },
          .stop = parts_.stop};
}

// What others' references resolve to from now on.
void Lifecycle::Publish(const std::string& name, const Observed& observed) {
  const absl::MutexLock lock(&mutex_);
  outputs_[name] = observed;
}

std::map<std::string, Observed> Lifecycle::Outputs() const {
  const absl::MutexLock lock(&mutex_);
  return {outputs_.begin(), outputs_.end()};
}

// One at a time, as ProgressSink is promised.
void Lifecycle::Report(ProgressStep step, const Resource& resource,
                       std::string_view detail) {
  if (parts_.progress) {
    const absl::MutexLock lock(&progress_mutex_);
    parts_.progress({.step = step,
                     .kind = resource.kind,
                     .name = resource.name,
                     .detail = std::string(detail)});
  }
}

// The uid makes tokens of different clusters differ, 64 random bits those of
// one. Short enough for the 64 characters that AWS allows.
std::string Lifecycle::NewToken() const {
  constexpr double kRange = 4294967296.0;
  return fmt::format("{}-{:08x}{:08x}",
                     parts_.cluster.uid.substr(0, kMaxUidInToken),
                     static_cast<uint32_t>(parts_.random() * kRange),
                     static_cast<uint32_t>(parts_.random() * kRange));
}

// Tells the user why, and waits; kCancelled if the user stops it.
absl::Status Lifecycle::Pause(const Resource& resource, int attempt,
                              const absl::Status& why) {
  Report(ProgressStep::kRetrying, resource, Message(why));
  const absl::Duration delay =
      parts_.options.backoff.Delay(attempt, parts_.random());
  return SleepUnlessStopped(parts_.clock, delay, parts_.stop) ? absl::OkStatus()
                                                              : Cancelled();
}

// While the journal says that something was asked for, "nothing there" is not
// believed at once: clouds show new things late.
absl::StatusOr<std::vector<Observed>> Lifecycle::Find(
    const Resource& resource) {
  const auto entry = parts_.journal.Find(resource.name);
  ASSIGN_OR_RETURN(ResourceDriver * driver, DriverOf(resource));
  // The same token finds an interrupted create again without a wait.
  const bool repeat = entry && entry->state == JournalState::kCreating &&
                      driver->Traits().create_is_idempotent;
  return FindUntil(resource,
                   entry && !repeat ? entry->visible_by : absl::InfinitePast());
}

// Lists are harmless to repeat, and a sweep must not miss a kind because of one
// bad answer.
absl::StatusOr<std::vector<Stray>> Lifecycle::List(const std::string& kind) {
  const Resource everything{.kind = kind};
  ASSIGN_OR_RETURN(ResourceDriver * driver, DriverOf(everything));
  const absl::Time give_up = parts_.clock.Now() + parts_.options.retry_for;
  for (int attempt = 0;; ++attempt) {
    absl::StatusOr<std::vector<Stray>> strays = driver->List(parts_.cluster);
    if (strays.ok() || !MayPassByItself(CloudErrorKindOf(strays.status())) ||
        parts_.clock.Now() >= give_up) {
      return strays;
    }
    RETURN_IF_ERROR(Pause(everything, attempt, strays.status()));
  }
}

absl::StatusOr<std::vector<Observed>> Lifecycle::FindUntil(
    const Resource& resource, absl::Time visible_by) {
  ASSIGN_OR_RETURN(ResourceDriver * driver, DriverOf(resource));
  const absl::Time give_up =
      std::max(parts_.clock.Now(), visible_by) + parts_.options.retry_for;
  for (int attempt = 0;; ++attempt) {
    // Asked again after the window: what was hidden then must be seen now.
    const bool last = parts_.clock.Now() >= visible_by;
    absl::StatusOr<std::vector<Observed>> found =
        driver->Find(ContextOf(resource));
    if (found.ok() && (last || !found->empty())) {
      return found;
    }
    if (!found.ok() && (!MayPassByItself(CloudErrorKindOf(found.status())) ||
                        parts_.clock.Now() >= give_up)) {
      return found.status();
    }
    RETURN_IF_ERROR(Pause(resource, attempt,
                          found.ok() ? NotFound("the cloud may not show yet "
                                                "what was asked for earlier")
                                     : found.status()));
  }
}

// An accepted create that fails later is deleted and tried again, as often as
// the options say. Each attempt has a token of its own, unless it goes on with
// one that was interrupted.
absl::StatusOr<Observed> Lifecycle::Make(const Resource& resource) {
  ASSIGN_OR_RETURN(ResourceDriver * driver, DriverOf(resource));
  for (int attempt = 1;; ++attempt) {
    // An interrupted attempt's token makes nothing twice where tokens count.
    const auto entry = parts_.journal.Find(resource.name);
    const bool resumed = entry && !entry->token.empty() &&
                         entry->state == JournalState::kCreating;
    ASSIGN_OR_RETURN(const Observed made,
                     CreateOnce(resource, *driver,
                                resumed ? entry->token : NewToken(), resumed));
    absl::StatusOr<Observed> ready = AwaitReady(resource, made);
    if (ready.ok() || CloudErrorKindOf(ready.status()) != Kind::kLateFailure ||
        attempt >= parts_.options.create_attempts) {
      return ready;
    }
    Report(ProgressStep::kRetrying, resource, Message(ready.status()));
    RETURN_IF_ERROR(Remove(resource, made, /*forget=*/true));
  }
}

// Announces, asks, and comes back when it is clear what became of it.
absl::StatusOr<Observed> Lifecycle::CreateOnce(const Resource& resource,
                                               ResourceDriver& driver,
                                               const std::string& token,
                                               bool resumed) {
  const absl::Time start = parts_.clock.Now();
  for (int attempt = 0;; ++attempt) {
    if (parts_.stop.stop_requested()) {
      return Cancelled();
    }
    Report(ProgressStep::kCreating, resource, "");
    RETURN_IF_ERROR(parts_.journal.Creating(resource, token));
    const absl::StatusOr<std::optional<Observed>> made =
        Attempt(resource, driver, token, attempt == 0 && !resumed);
    if (made.ok() && *made) {
      RETURN_IF_ERROR(parts_.journal.Created(resource, (*made)->id));
      return **made;
    }
    if (!made.ok()) {
      const Kind kind = CloudErrorKindOf(made.status());
      // kNotFound: a dependency that the cloud does not show yet.
      const bool hidden = kind == Kind::kNotFound;
      const absl::Duration patience =
          hidden ? parts_.options.window.settle : parts_.options.retry_for;
      if ((!hidden && !MayPassByItself(kind)) ||
          parts_.clock.Now() - start >= patience) {
        if (!MayHaveHadEffect(kind)) {
          RETURN_IF_ERROR(parts_.journal.NotCreated(resource.name));
        }
        return made.status();
      }
    }
    RETURN_IF_ERROR(
        Pause(resource, attempt,
              made.ok() ? Unavailable("nothing was made") : made.status()));
  }
}

// One call of Create() and, where its outcome is open, the search for what it
// made. Nothing: certainly not made. An error: see its kind.
absl::StatusOr<std::optional<Observed>> Lifecycle::Attempt(
    const Resource& resource, ResourceDriver& driver, std::string_view token,
    bool first) {
  absl::StatusOr<Observed> made = driver.Create(ContextOf(resource), token);
  if (made.ok()) {
    return std::optional(*std::move(made));
  }
  const Kind kind = CloudErrorKindOf(made.status());
  const bool search =
      kind == Kind::kNameTaken ||
      (kind == Kind::kUnclear && !driver.Traits().create_is_idempotent);
  if (!search) {
    return made.status();
  }
  Report(ProgressStep::kLooking, resource, Message(made.status()));
  // A name that was taken before the first attempt is not one of ours in
  // hiding.
  const absl::Duration window = kind == Kind::kNameTaken && first
                                    ? absl::ZeroDuration()
                                    : parts_.options.window.settle;
  ASSIGN_OR_RETURN(const std::vector<Observed> found,
                   FindUntil(resource, parts_.clock.Now() + window));
  if (!found.empty()) {
    return std::optional(found.front());
  }
  if (kind == Kind::kNameTaken) {
    return made.status();  // not ours
  }
  return std::optional<Observed>();
}

// Waits as long as the driver says, bearing transient failures. Right after the
// create kNotFound means "not shown yet". The journal is told before anybody
// uses it.
absl::StatusOr<Observed> Lifecycle::AwaitReady(const Resource& resource,
                                               const Observed& observed) {
  ASSIGN_OR_RETURN(ResourceDriver * driver, DriverOf(resource));
  Observed now = observed;
  PollOptions poll = parts_.options.poll;
  poll.timeout = driver->Traits().ready_timeout;
  const absl::Time visible_by =
      parts_.clock.Now() + parts_.options.window.settle;
  bool fresh = observed.state == ResourceState::kReady;
  Report(ProgressStep::kWaiting, resource, observed.id);
  const absl::Status status = Poll(
      poll, parts_.clock, parts_.stop, resource.name,
      [&]() -> absl::StatusOr<PollStep> {
        if (!std::exchange(fresh, false)) {
          const auto next = driver->Refresh(ContextOf(resource), now);
          if (!next.ok()) {
            const Kind kind = CloudErrorKindOf(next.status());
            const bool hidden =
                kind == Kind::kNotFound && parts_.clock.Now() < visible_by;
            return hidden || MayPassByItself(kind)
                       ? absl::StatusOr<PollStep>(PollStep{})
                       : next.status();
          }
          now = *next;
        }
        if (now.state == ResourceState::kFailed) {
          return MakeCloudError({.kind = now.failure,
                                 .message = now.detail.empty()
                                                ? "the cloud failed to make it"
                                                : now.detail,
                                 .subject = now.id});
        }
        return PollStep{.done = now.state == ResourceState::kReady};
      });
  if (absl::IsDeadlineExceeded(status)) {
    return MakeCloudError({.kind = Kind::kTimedOut,
                           .message = std::string(Message(status)),
                           .subject = now.detail});
  }
  RETURN_IF_ERROR(status);
  RETURN_IF_ERROR(parts_.journal.Ready(resource.name));
  Report(ProgressStep::kReady, resource, now.id);
  Publish(resource.name, now);
  return now;
}

// An entry that already says all this is not written again: a plan without
// changes leaves the journal alone.
absl::StatusOr<Observed> Lifecycle::Adopt(const Resource& resource,
                                          const Observed& found, bool update) {
  ASSIGN_OR_RETURN(ResourceDriver * driver, DriverOf(resource));
  const auto entry = parts_.journal.Find(resource.name);
  const bool noted = entry && entry->id == found.id &&
                     entry->depends_on == resource.depends_on &&
                     entry->state == JournalState::kReady;
  if (noted && !update && found.state == ResourceState::kReady) {
    Publish(resource.name, found);
    return found;
  }
  if (!noted) {
    RETURN_IF_ERROR(parts_.journal.Created(resource, found.id));
  }
  ASSIGN_OR_RETURN(Observed now, AwaitReady(resource, found));
  const absl::Time deadline = parts_.clock.Now() + parts_.options.retry_for;
  for (int attempt = 0; update; ++attempt) {
    Report(ProgressStep::kUpdating, resource, now.id);
    const auto updated = driver->Update(ContextOf(resource), now);
    if (updated.ok()) {
      return AwaitReady(resource, *updated);
    }
    if (!MayPassByItself(CloudErrorKindOf(updated.status())) ||
        parts_.clock.Now() >= deadline) {
      return updated.status();
    }
    RETURN_IF_ERROR(Pause(resource, attempt, updated.status()));
  }
  return now;
}

// The journal is told before the first request and after the last answer.
absl::Status Lifecycle::Remove(const Resource& resource, const Observed& found,
                               bool forget, absl::Duration patience) {
  ASSIGN_OR_RETURN(ResourceDriver * driver, DriverOf(resource));
  Report(ProgressStep::kDeleting, resource, found.id);
  if (forget) {
    RETURN_IF_ERROR(parts_.journal.Deleting(resource, found.id));
  }
  RETURN_IF_ERROR(AwaitGone(resource, *driver, found, patience));
  if (forget) {
    RETURN_IF_ERROR(parts_.journal.Gone(resource.name));
  }
  Report(ProgressStep::kGone, resource, found.id);
  return absl::OkStatus();
}

// Repeats Delete() until the cloud takes it. kNotFound: it is gone.
absl::Status Lifecycle::DeleteOnce(const Resource& resource,
                                   ResourceDriver& driver,
                                   const Observed& observed,
                                   absl::Duration patience) {
  const absl::Time deadline =
      parts_.clock.Now() + std::min(driver.Traits().gone_timeout, patience);
  for (int attempt = 0;; ++attempt) {
    if (parts_.stop.stop_requested()) {
      return Cancelled();
    }
    const absl::Status status = driver.Delete(ContextOf(resource), observed);
    if (status.ok() || !MayPassByItself(CloudErrorKindOf(status)) ||
        parts_.clock.Now() >= deadline) {
      return status;
    }
    RETURN_IF_ERROR(Pause(resource, attempt, status));
  }
}

// Deletes and watches until it is gone. A thing that is still whole after its
// deletion was accepted is deleted again: some clouds give up silently.
absl::Status Lifecycle::AwaitGone(const Resource& resource,
                                  ResourceDriver& driver,
                                  const Observed& observed,
                                  absl::Duration patience) {
  // A thing made a moment ago may be denied although it is there.
  const auto entry = parts_.journal.Find(resource.name);
  const absl::Time visible_by = entry && entry->id == observed.id
                                    ? entry->visible_by
                                    : absl::InfinitePast();
  PollOptions poll = parts_.options.poll;
  poll.timeout = driver.Traits().gone_timeout;
  bool deleted = false;  // the cloud took the request
  const absl::Status status =
      Poll(poll, parts_.clock, parts_.stop, resource.name,
           [&]() -> absl::StatusOr<PollStep> {
             if (!deleted) {
               const absl::Status asked =
                   DeleteOnce(resource, driver, observed, patience);
               if (CloudErrorKindOf(asked) == Kind::kNotFound && !asked.ok()) {
                 return PollStep{.done = parts_.clock.Now() >= visible_by};
               }
               RETURN_IF_ERROR(asked);
               deleted = true;
             }
             const auto now = driver.Refresh(ContextOf(resource), observed);
             if (now.ok()) {
               // Still whole: the view is old, or the cloud gave up.
               deleted = now->state == ResourceState::kDeleting;
               return PollStep{};
             }
             const Kind kind = CloudErrorKindOf(now.status());
             if (kind == Kind::kNotFound) {
               return PollStep{.done = true};
             }
             return MayPassByItself(kind) ? absl::StatusOr<PollStep>(PollStep{})
                                          : now.status();
           });
  if (absl::IsDeadlineExceeded(status)) {
    return MakeCloudError({.kind = Kind::kTimedOut,
                           .message = std::string(Message(status)),
                           .subject = observed.id});
  }
  return status;
}

// Without an id it has to be found. An entry is kept until it is certain that
// there is nothing.
absl::Status Lifecycle::FindAndRemove(const Resource& resource) {
  Report(ProgressStep::kLooking, resource, "");
  const auto entry = parts_.journal.Find(resource.name);
  if (entry) {
    RETURN_IF_ERROR(parts_.journal.Deleting(resource, entry->id));
  }
  // Here a repeat of the create is no way out: wait for what it made.
  ASSIGN_OR_RETURN(
      const std::vector<Observed> found,
      FindUntil(resource, entry ? entry->visible_by : absl::InfinitePast()));
  for (const Observed& observed : found) {
    RETURN_IF_ERROR(Remove(resource, observed, /*forget=*/false));
  }
  if (entry) {
    RETURN_IF_ERROR(parts_.journal.Gone(resource.name));
  }
  Report(ProgressStep::kGone, resource, "");
  return absl::OkStatus();
}

}  // namespace constellation::cloud
