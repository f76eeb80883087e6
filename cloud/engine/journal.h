// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_ENGINE_JOURNAL_H_
#define CONSTELLATION_CLOUD_ENGINE_JOURNAL_H_

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cloud/engine/journal_storage.h"
#include "cloud/engine/resource.h"
#include "cloud/engine/resource_driver.h"
#include "common/clock.h"

namespace constellation::cloud {

// How far something got, as the journal knows.
enum class JournalState {
  kCreating,  // asked for, or about to be: it may exist, its id is unknown
  kCreated,   // exists, the id is known, perhaps not ready
  kReady,
  kDeleting,  // to be deleted, or being deleted
};

// What the journal holds about one thing.
struct JournalEntry {
  std::string name = {};
  std::string kind = {};
  std::string token = {};  // of Create(); empty if we did not make it
  std::string id = {};     // empty if unknown
  std::vector<std::string> depends_on = {};
  JournalState state = JournalState::kCreating;
  absl::Time recorded = absl::UnixEpoch();  // when its last line was written
  // Until then the cloud may still not show it although it exists.
  absl::Time visible_by = absl::InfinitePast();
};

// How long a cloud may hide what it has made.
struct ConsistencyWindow {
  absl::Duration settle = absl::Minutes(2);  // after the call was executed
  // From the journal's record to the end of the call, all repeats included.
  absl::Duration longest_call = absl::Minutes(10);
};

// The write-ahead journal of one cluster: each line is on disk before the call
// that it announces is sent, and another one follows when the answer is there.
// So whatever was made is either in it or will be found by its tag. Holds names
// and ids, no attributes and no secrets. Format: docs/formats/cloud-journal.md.
//
// After a failed write every call fails: nothing more may be made. One process
// at a time (WorkspaceLock). Thread-safe.
class Journal final {
  struct Private {  // lets std::make_unique call the constructor, nobody else
    explicit Private() = default;
  };

 public:
  // Reads what is there, or starts anew, and writes it back in short form. A
  // last line without its break was never acted upon and is dropped.
  // FAILED_PRECONDITION if it belongs to another cluster, DATA_LOSS if it is
  // damaged. `storage` and `clock` must outlive the journal.
  static absl::StatusOr<std::unique_ptr<Journal>> Open(
      JournalStorage& storage, Clock& clock, const ClusterIdentity& cluster,
      const ConsistencyWindow& window = {});
  Journal(Private /*unused*/, JournalStorage& storage, Clock& clock,
          const ConsistencyWindow& window)
      : storage_(storage), clock_(clock), window_(window) {}

  // Before a create. Names what may exist from now on.
  absl::Status Creating(const Resource& resource, std::string_view token);
  // After it; also for something that was found and is now ours (`resource` is
  // recorded if the journal does not know it).
  absl::Status Created(const Resource& resource, std::string_view id);
  // It can be used. INTERNAL if the journal has no such entry.
  absl::Status Ready(std::string_view name);
  // The cloud refused: nothing was made.
  absl::Status NotCreated(std::string_view name);
  // Before a delete. An empty `id` keeps the one that is known.
  absl::Status Deleting(const Resource& resource, std::string_view id);
  // It is certain that nothing of this name is left.
  absl::Status Gone(std::string_view name);
  // Everything is gone: deletes the journal. FAILED_PRECONDITION if entries are
  // left.
  absl::Status Finish();

  // Copies of what is known now; nothing for a name that is not.
  std::optional<JournalEntry> Find(std::string_view name) const;
  std::vector<JournalEntry> Entries() const;

 private:
  using Entries_ = std::map<std::string, JournalEntry, std::less<>>;

  absl::Status Load(const std::string& text, const ClusterIdentity& cluster);
  absl::Status Take(const nlohmann::json& record)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Write(const nlohmann::json& record)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string Compact(const ClusterIdentity& cluster) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  JournalStorage& storage_;
  Clock& clock_;
  const ConsistencyWindow window_;
  mutable absl::Mutex mutex_;
  Entries_ entries_ ABSL_GUARDED_BY(mutex_);
  absl::Status broken_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_ENGINE_JOURNAL_H_
