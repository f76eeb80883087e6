// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_ENGINE_TESTING_KILL_SWITCH_H_
#define CONSTELLATION_CLOUD_ENGINE_TESTING_KILL_SWITCH_H_

#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cloud/engine/journal_storage.h"

namespace constellation::cloud::testing {

// The death of a process at a chosen step: from then on nothing that it tries
// has an effect, neither in the cloud nor on the disk. Thread-safe.
class KillSwitch final {
 public:
  // Dies at the `step`th step, counted from 1; never for 0.
  void Arm(int step) {
    const absl::MutexLock lock(&mutex_);
    left_ = step;
    dead_ = false;
    steps_ = 0;
  }
  // Dies now.
  void Kill() {
    const absl::MutexLock lock(&mutex_);
    left_ = 0;
    dead_ = true;
  }
  // One step; false if the process is dead (now, or since earlier).
  bool Step() {
    const absl::MutexLock lock(&mutex_);
    ++steps_;
    if (left_ > 0 && --left_ == 0) {
      dead_ = true;
    }
    return !dead_;
  }
  bool dead() const {
    const absl::MutexLock lock(&mutex_);
    return dead_;
  }
  int steps() const {
    const absl::MutexLock lock(&mutex_);
    return steps_;
  }

 private:
  mutable absl::Mutex mutex_;
  int left_ ABSL_GUARDED_BY(mutex_) = 0;
  int steps_ ABSL_GUARDED_BY(mutex_) = 0;
  bool dead_ ABSL_GUARDED_BY(mutex_) = false;
};

// A disk in memory that outlives "processes". Dying in an Append() leaves
// nothing, half a line or the whole line, in turn.
class MemoryJournalStorage final : public JournalStorage {
 public:
  explicit MemoryJournalStorage(KillSwitch& kill) : kill_(kill) {}

  absl::StatusOr<std::string> Read() override {
    if (!exists_) {
      return absl::NotFoundError("no journal");
    }
    return text_;
  }
  absl::Status Replace(std::string_view contents) override {
    if (!kill_.Step()) {
      return Dead();
    }
    text_ = std::string(contents);
    exists_ = true;
    return absl::OkStatus();
  }
  absl::Status Append(std::string_view line) override {
    if (kill_.dead()) {
      return Dead();
    }
    if (!kill_.Step()) {
      text_ += line.substr(0, torn_++ % 2 == 0 ? 0 : line.size() / 2);
      return Dead();
    }
    text_ += line;
    return kill_.Step() ? absl::OkStatus() : Dead();
  }
  absl::Status Remove() override {
    if (!kill_.Step()) {
      return Dead();
    }
    text_.clear();
    exists_ = false;
    return absl::OkStatus();
  }

  bool exists() const { return exists_; }
  std::string& text() { return text_; }

 private:
  static absl::Status Dead() { return absl::CancelledError("killed"); }

  KillSwitch& kill_;
  std::string text_;
  bool exists_ = false;
  int torn_ = 0;
};

}  // namespace constellation::cloud::testing

#endif  // CONSTELLATION_CLOUD_ENGINE_TESTING_KILL_SWITCH_H_
