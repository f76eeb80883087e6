// SPDX-License-Identifier: Apache-2.0
#include "joinservice/call_guard.h"

#include <algorithm>
#include <utility>

namespace constellation::joinservice {

CallGuard::Call::Call(Call&& other) noexcept
    : guard_(std::exchange(other.guard_, nullptr)), id_(other.id_) {}

CallGuard::Call::~Call() {
  if (guard_ != nullptr) guard_->Leave(id_);
}

// The thread is moved out first: it needs the mutex to end.
CallGuard::~CallGuard() {
  std::thread thread;
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

// A busy service refuses at once instead of queueing: a queue of strangers
// would keep nodes waiting.
std::optional<CallGuard::Call> CallGuard::Enter(grpc::ServerContext& context) {
  absl::MutexLock lock(&mutex_);
  if (calls_.size() >= max_calls_) return std::nullopt;
  if (!thread_.joinable()) thread_ = std::thread([this] { Watch(); });
  const uint64_t id = next_id_++;
  calls_[id] = {absl::Now() + deadline_, &context};
  changed_.SignalAll();
  return Call(this, id);
}

void CallGuard::Leave(uint64_t id) {
  absl::MutexLock lock(&mutex_);
  calls_.erase(id);
}

void CallGuard::Watch() {
  absl::MutexLock lock(&mutex_);
  while (!stopping_) {
    changed_.WaitWithDeadline(&mutex_, CancelLateCalls());
  }
}

absl::Time CallGuard::CancelLateCalls() {
  const absl::Time now = absl::Now();
  absl::Time next = absl::InfiniteFuture();
  for (auto& [id, entry] : calls_) {
    if (entry.cancelled) continue;
    if (entry.deadline <= now) {
      // Still registered, so its handler has not returned and `context` lives.
      entry.context->TryCancel();
      entry.cancelled = true;
    } else {
      next = std::min(next, entry.deadline);
    }
  }
  return next;
}

}  // namespace constellation::joinservice
