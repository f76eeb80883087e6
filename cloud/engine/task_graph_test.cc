// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/task_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>

#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(TaskGraphTest, RunsInOrderOnOneThread) {
  std::vector<size_t> ran;
  const auto results =
      RunTasks({.after = {{2}, {}, {1}, {}}, .parallelism = 1}, [&](size_t i) {
        ran.push_back(i);
        return absl::OkStatus();
      });
  EXPECT_THAT(results, Each(IsOk()));
  EXPECT_THAT(ran, ElementsAre(1, 2, 0, 3));
}

TEST(TaskGraphTest, NothingToDo) {
  EXPECT_THAT(RunTasks({}, [](size_t) { return absl::OkStatus(); }), IsEmpty());
}

TEST(TaskGraphTest, StopsAtAFailureOrGoesAroundIt) {
  const auto task = [](size_t i) {
    return i == 0 ? Internal("broken") : absl::OkStatus();
  };
  TaskGraph graph{.after = {{}, {0}, {}}, .parallelism = 1};
  auto results = RunTasks(graph, task);
  EXPECT_THAT(results[0], StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(results[1], StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(results[2], StatusIs(absl::StatusCode::kCancelled));
  graph.stop_at_failure = false;
  results = RunTasks(graph, task);
  EXPECT_THAT(results[1], StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(results[2], IsOk());
}

TEST(TaskGraphTest, ParallelRunsKeepOrderAndBound) {
  constexpr size_t kTasks = 300;
  TaskGraph graph{.parallelism = 8};
  for (size_t i = 0; i < kTasks; ++i) {
    graph.after.push_back(i < 10 ? std::vector<size_t>{}
                                 : std::vector<size_t>{i - 10, i / 2});
  }
  std::mutex mutex;
  std::set<size_t> done;
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  const auto results = RunTasks(graph, [&](size_t i) {
    most = std::max<int>(most, ++running);
    const std::lock_guard lock(mutex);
    for (const size_t before : graph.after[i]) {
      EXPECT_TRUE(done.contains(before));
    }
    done.insert(i);
    --running;
    return absl::OkStatus();
  });
  EXPECT_THAT(results, Each(IsOk()));
  EXPECT_EQ(done.size(), kTasks);
  EXPECT_LE(most, 8);
}

TEST(TaskGraphTest, StopKeepsTheRestFromStarting) {
  std::stop_source source;
  const auto results = RunTasks(
      {.after = {{}, {}, {}}, .parallelism = 1, .stop = source.get_token()},
      [&](size_t) {
        source.request_stop();
        return absl::OkStatus();
      });
  EXPECT_THAT(results[0], IsOk());
  EXPECT_THAT(results[1], StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace constellation::cloud
