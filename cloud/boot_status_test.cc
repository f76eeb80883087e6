// SPDX-License-Identifier: Apache-2.0
#include "cloud/boot_status.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "common/files.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud {
namespace {

using Json = nlohmann::json;
using ::constellation::testing::IsOk;

class BootStatusTest : public ::testing::Test {
 protected:
  std::vector<Json> Delivered() {
    const absl::MutexLock lock(&mutex_);
    return delivered_;
  }

  absl::Status Deliver(std::string_view json) {
    const absl::MutexLock lock(&mutex_);
    delivered_.push_back(Json::parse(json));
    return absl::OkStatus();
  }

  constellation::testing::TempDir folder_;
  FakeClock clock_{absl::FromUnixSeconds(1000)};
  absl::Mutex mutex_;
  std::vector<Json> delivered_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(BootStatusTest, CountsFromTheBeginningOfThePhase) {
  NodeBootStatus status(
      {.component = "bootstrapper", .file = folder_.Join("status")},
      [this](std::string_view json) { return Deliver(json); }, clock_);
  status.Report("kubeadm-init", BootState::kRunning);
  clock_.Advance(absl::Milliseconds(1500));
  status.Report("kubeadm-init", BootState::kDone);
  status.Report("commit", BootState::kRunning);
  status.Flush(absl::Seconds(5));
  const std::vector<Json> reports = Delivered();
  ASSERT_EQ(reports.size(), 3U);
  EXPECT_EQ(reports[0]["component"], "bootstrapper");
  EXPECT_EQ(reports[0]["state"], "running");
  EXPECT_EQ(reports[1]["state"], "done");
  EXPECT_EQ(reports[1]["elapsedMs"], 1500);
  EXPECT_EQ(reports[2]["elapsedMs"], 0);
}

TEST_F(BootStatusTest, DoesNotRepeatItself) {
  NodeBootStatus status(
      {.component = "bootstrapper", .file = folder_.Join("status")},
      [this](std::string_view json) { return Deliver(json); }, clock_);
  for (int i = 0; i < 5; ++i) {
    status.Report("join", BootState::kWaiting, "no JoinService yet");
    clock_.Advance(absl::Seconds(3));
  }
  status.Report("join", BootState::kWaiting, "refused");
  status.Flush(absl::Seconds(5));
  EXPECT_EQ(Delivered().size(), 2U);
}

TEST_F(BootStatusTest, WritesFileAndConsole) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  NodeBootStatus status(
      {.component = "disk-mapper",
       .file = folder_.Join("status"),
       .console = ends[1]},
      [](std::string_view) { return Unavailable("gone"); }, clock_);
  status.Report("init", BootState::kFailed, "line 1\nline \"2\"\xff");
  std::array<char, 4096> buffer{};
  const ssize_t got = read(ends[0], buffer.data(), buffer.size());
  ASSERT_GT(got, 0);
  const std::string line(buffer.data(), static_cast<size_t>(got));
  close(ends[0]);
  close(ends[1]);
  EXPECT_TRUE(line.starts_with("constellation-status: {"));
  EXPECT_EQ(line.find('\n'), line.size() - 1) << "one line, whatever is in it";
  ASSERT_OK_AND_ASSIGN(const std::string file,
                       ReadFile(folder_.Join("status")));
  EXPECT_EQ(Json::parse(file)["state"], "failed");
}

TEST_F(BootStatusTest, ASlowMetadataServiceDelaysNothing) {
  absl::Notification answer;
  NodeBootStatus status(
      {.component = "bootstrapper", .file = folder_.Join("status")},
      [&answer](std::string_view) {
        answer.WaitForNotification();
        return absl::OkStatus();
      },
      clock_);
  for (int i = 0; i < 200; ++i) {
    status.Report(std::to_string(i), BootState::kRunning);
  }
  status.Flush(absl::Milliseconds(1));
  const absl::StatusOr<std::string> file = ReadFile(folder_.Join("status"));
  answer.Notify();
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(Json::parse(*file)["phase"], "199");
}

TEST_F(BootStatusTest, AShortQueueKeepsTheNewest) {
  absl::Notification go;
  NodeBootStatus status(
      {.component = "disk-mapper",
       .file = folder_.Join("status"),
       .max_queue = 1},
      [this, &go](std::string_view json) {
        go.WaitForNotification();
        return Deliver(json);
      },
      clock_);
  for (int i = 0; i < 50; ++i) {
    status.Report("phase", BootState::kRunning, std::to_string(i));
  }
  go.Notify();
  status.Flush(absl::Seconds(10));
  EXPECT_LE(Delivered().size(), 2U);
  EXPECT_EQ(Delivered().back()["message"], "49");
}

TEST_F(BootStatusTest, CutsLongMessages) {
  NodeBootStatus status(
      {.component = "disk-mapper", .file = folder_.Join("status")},
      [](auto) { return absl::OkStatus(); }, clock_);
  status.Report("phase", BootState::kFailed, std::string(100'000, 'x'));
  ASSERT_OK_AND_ASSIGN(const std::string file,
                       ReadFile(folder_.Join("status")));
  EXPECT_EQ(Json::parse(file)["message"].get<std::string>().size(), 4000U);
}

}  // namespace
}  // namespace constellation::cloud
