// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_ENGINE_TASK_GRAPH_H_
#define CONSTELLATION_CLOUD_ENGINE_TASK_GRAPH_H_

#include <cstddef>
#include <functional>
#include <stop_token>
#include <vector>

#include "absl/status/status.h"

namespace constellation::cloud {

// What may start when: tasks are numbers from 0, `after[i]` those that must
// have succeeded before task i starts.
struct TaskGraph {
  std::vector<std::vector<size_t>> after = {};
  int parallelism = 8;  // tasks at a time, 1-64
  // After a failure: true: start nothing more; false: go on with everything
  // that does not need the failed task.
  bool stop_at_failure = true;
  std::stop_token stop = {};
};

// Runs `task` for every number, independent ones in parallel on threads of its
// own (none for parallelism 1), the smallest ready number first; returns when
// all that were started have ended. Results by number; a task that was not
// started is CANCELLED and names no cause.
std::vector<absl::Status> RunTasks(
    const TaskGraph& graph, const std::function<absl::Status(size_t)>& task);

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_ENGINE_TASK_GRAPH_H_
