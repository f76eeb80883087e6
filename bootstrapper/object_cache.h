// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_OBJECT_CACHE_H_
#define CONSTELLATION_BOOTSTRAPPER_OBJECT_CACHE_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "kubernetes/json.h"
#include "kubernetes/watch.h"

namespace constellation::bootstrapper {

// Counts changes, so that one thread can wait for what others notice.
// Thread-safe.
class ChangeSignal final {
 public:
  void Notify() {
    const absl::MutexLock lock(&mutex_);
    ++changes_;
  }
  // Waits until there is a change after `seen`, or `timeout`; gives the number
  // of changes so far.
  uint64_t Wait(uint64_t seen, absl::Duration timeout) {
    const absl::MutexLock lock(&mutex_);
    const auto changed = [this, seen] {
      mutex_.AssertReaderHeld();
      return changes_ != seen;
    };
    mutex_.AwaitWithTimeout(absl::Condition(&changed), timeout);
    return changes_;
  }

 private:
  absl::Mutex mutex_;
  uint64_t changes_ ABSL_GUARDED_BY(mutex_) = 0;
};

// What a collection of the API holds, reduced to `Facts`; keyed "name", or
// "namespace/name". Changes that `Facts` do not show are not signalled.
// Thread-safe.
template <typename Facts>
class ObjectCache final : public kubernetes::WatchHandler {
 public:
  using Extract = Facts (*)(const kubernetes::Json&);
  ObjectCache(Extract extract, ChangeSignal& signal)
      : extract_(extract), signal_(signal) {}

  void OnList(const kubernetes::ObjectList& list) override {
    std::map<std::string, Facts> facts;
    for (const kubernetes::Json& object : list.items) {
      facts[KeyOf(object)] = extract_(object);
    }
    {
      const absl::MutexLock lock(&mutex_);
      listed_ = true;
      facts_ = std::move(facts);
    }
    signal_.Notify();
  }

  void OnChange(const kubernetes::Json& object) override {
    Facts facts = extract_(object);
    {
      const absl::MutexLock lock(&mutex_);
      const auto [known, added] = facts_.try_emplace(KeyOf(object));
      if (!added && known->second == facts) {
        return;
      }
      known->second = std::move(facts);
    }
    signal_.Notify();
  }

  void OnDelete(const kubernetes::Json& object) override {
    {
      const absl::MutexLock lock(&mutex_);
      facts_.erase(KeyOf(object));
    }
    signal_.Notify();
  }

  std::map<std::string, Facts> Snapshot() const {
    const absl::MutexLock lock(&mutex_);
    return facts_;
  }
  // Whether the collection has been seen at all.
  bool listed() const {
    const absl::MutexLock lock(&mutex_);
    return listed_;
  }

 private:
  static std::string KeyOf(const kubernetes::Json& object) {
    const std::string name =
        kubernetes::FindString(object, {"metadata", "name"}).value_or("");
    const auto space =
        kubernetes::FindString(object, {"metadata", "namespace"});
    return space.has_value() ? *space + "/" + name : name;
  }

  const Extract extract_;
  ChangeSignal& signal_;
  mutable absl::Mutex mutex_;
  std::map<std::string, Facts> facts_ ABSL_GUARDED_BY(mutex_);
  bool listed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_OBJECT_CACHE_H_
