// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/task_graph.h"

#include <algorithm>
#include <set>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace constellation::cloud {
namespace {

// Each waits most of the time; more would only wait for rate limits.
constexpr int kMaxThreads = 64;

// Runs tasks of one graph with several threads, each calling Work().
class Runner final {
 public:
  // The graph's indexes were checked by DependencyOrder().
  Runner(const TaskGraph& graph,
         const std::function<absl::Status(size_t)>& task)
      : graph_(graph),
        task_(task),
        results_(graph.after.size(), absl::CancelledError("not started")),
        missing_(graph.after.size()),
        dependents_(graph.after.size()) {
    for (size_t i = 0; i < graph.after.size(); ++i) {
      missing_[i] = graph.after[i].size();
      for (const size_t before : graph.after[i]) {
        dependents_[before].push_back(i);
      }
      if (missing_[i] == 0) {
        ready_.insert(i);
      }
    }
  }

  // Takes the ready task of the lowest number, so runs are alike. Ends when
  // nothing is ready and nothing runs that could make something ready.
  void Work() {
    const absl::MutexLock lock(&mutex_);
    while (true) {
      mutex_.Await(absl::Condition(this, &Runner::MayGoOn));
      if (ready_.empty() || Stopped()) {
        return;  // nothing runs that could make more ready
      }
      const size_t number = *ready_.begin();
      ready_.erase(ready_.begin());
      ++running_;
      mutex_.Unlock();
      absl::Status result = task_(number);
      mutex_.Lock();
      --running_;
      Finish(number, std::move(result));
    }
  }

  // After all workers have ended.
  std::vector<absl::Status> TakeResults() {
    const absl::MutexLock lock(&mutex_);
    return std::move(results_);
  }

 private:
  // Whether no further task may start. Those that run are never interrupted.
  bool Stopped() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return graph_.stop.stop_requested() || (failed_ && graph_.stop_at_failure);
  }

  bool MayGoOn() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return Stopped() || !ready_.empty() || running_ == 0;
  }

  // A task that failed makes nobody ready, so all that depend on it stay "not
  // started".
  void Finish(size_t number, absl::Status result)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (result.ok()) {
      for (const size_t dependent : dependents_[number]) {
        if (--missing_[dependent] == 0) {
          ready_.insert(dependent);
        }
      }
    } else {
      failed_ = true;
    }
    results_[number] = std::move(result);
  }

  const TaskGraph& graph_;
  const std::function<absl::Status(size_t)>& task_;
  absl::Mutex mutex_;
  std::vector<absl::Status> results_ ABSL_GUARDED_BY(mutex_);
  std::vector<size_t> missing_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::vector<size_t>> dependents_;
  std::set<size_t> ready_ ABSL_GUARDED_BY(mutex_);
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

// One thread runs in the caller's, which makes tests deterministic.
std::vector<absl::Status> RunTasks(
    const TaskGraph& graph, const std::function<absl::Status(size_t)>& task) {
  Runner runner(graph, task);
  const int threads = std::min(
      {graph.parallelism, kMaxThreads,
       static_cast<int>(std::min<size_t>(graph.after.size(), kMaxThreads))});
  if (threads <= 1) {
    runner.Work();
    return runner.TakeResults();
  }
  {
    std::vector<std::jthread> workers;
    workers.reserve(static_cast<size_t>(threads));
    for (int i = 0; i < threads; ++i) {
      workers.emplace_back([&runner] { runner.Work(); });
    }
  }
  return runner.TakeResults();
}

}  // namespace constellation::cloud
