// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_JOINSERVICE_CALL_GUARD_H_
#define CONSTELLATION_JOINSERVICE_CALL_GUARD_H_

#include <grpcpp/server_context.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace constellation::joinservice {

// Keeps strangers from occupying the service: at most so many calls at once,
// and whoever dawdles is cut off (its stream ends, reads fail). Its thread
// starts with the first call. Thread-safe.
class CallGuard final {
 public:
  // At most `max_calls` at once, each for at most `deadline`.
  CallGuard(size_t max_calls, absl::Duration deadline)
      : max_calls_(max_calls), deadline_(deadline) {}
  CallGuard(const CallGuard&) = delete;
  CallGuard& operator=(const CallGuard&) = delete;
  // All calls must have left.
  ~CallGuard();

  // One call, from Enter() until destroyed.
  class Call final {
   public:
    Call(Call&& other) noexcept;
    Call& operator=(Call&&) = delete;
    ~Call();

   private:
    friend class CallGuard;
    Call(CallGuard* guard, uint64_t id) : guard_(guard), id_(id) {}
    CallGuard* guard_;
    uint64_t id_;
  };

  // Admits a call, whose `context` outlives the result; nothing if there are
  // too many.
  std::optional<Call> Enter(grpc::ServerContext& context);

 private:
  struct Entry {
    absl::Time deadline;
    grpc::ServerContext* context = nullptr;
    bool cancelled = false;
  };

  // A call ends; from now on its context is not touched.
  void Leave(uint64_t id);
  // The thread: sleeps until the next call may be late.
  void Watch();
  // Cuts off whoever is late; returns when to look again.
  absl::Time CancelLateCalls() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_calls_;
  const absl::Duration deadline_;
  absl::Mutex mutex_;
  absl::CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, Entry> calls_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::joinservice

#endif  // CONSTELLATION_JOINSERVICE_CALL_GUARD_H_
