// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/boot_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "common/files.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::disk_mapper {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

class BootStatusTest : public ::testing::Test {
 protected:
  nlohmann::json File() {
    return nlohmann::json::parse(ReadFile(path_).value_or("null"));
  }
  constellation::testing::TempDir folder_;
  const std::string path_ = folder_.Join("boot-status.json");
  FakeClock clock_{absl::UnixEpoch()};
};

TEST_F(BootStatusTest, WritesTheContract) {
  std::vector<std::string> sent;
  NodeBootStatus status(
      path_, -1,
      [&sent](std::string_view json) {
        sent.emplace_back(json);
        return absl::OkStatus();
      },
      clock_);
  status.Report("unlock", BootState::kRunning);
  clock_.Advance(absl::Milliseconds(1500));
  status.Report("unlock", BootState::kWaiting, "for a key");
  status.Flush(absl::Seconds(10));
  EXPECT_EQ(File()["component"], "disk-mapper");
  EXPECT_EQ(File()["phase"], "unlock");
  EXPECT_EQ(File()["state"], "waiting");
  EXPECT_EQ(File()["elapsedMs"], 1500);
  EXPECT_EQ(File()["message"], "for a key");
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(nlohmann::json::parse(sent.back()), File());
}

TEST_F(BootStatusTest, WritesOneLineToTheConsole) {
  std::array<int, 2> pipe_fds{};
  ASSERT_EQ(pipe(pipe_fds.data()), 0);
  NodeBootStatus status(
      path_, pipe_fds[1], [](auto) { return absl::OkStatus(); }, clock_);
  status.Report("unlock", BootState::kFailed, "line\nbreak \xff");
  status.Report("unlock", BootState::kFailed, "line\nbreak \xff");
  close(pipe_fds[1]);
  std::string text(4096, '\0');
  text.resize(static_cast<size_t>(read(pipe_fds[0], text.data(), text.size())));
  close(pipe_fds[0]);
  EXPECT_THAT(text, StartsWith("constellation-status: {"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_THAT(text, HasSubstr("\"state\":\"failed\""));
}

TEST_F(BootStatusTest, ASlowServiceDelaysNothingAndGetsTheNewest) {
  absl::Notification go;
  absl::Mutex mutex;
  std::vector<std::string> sent;
  NodeBootStatus status(
      path_, -1,
      [&](std::string_view json) {
        go.WaitForNotification();
        const absl::MutexLock lock(&mutex);
        sent.emplace_back(json);
        return Unavailable("slow");
      },
      clock_);
  for (int i = 0; i < 50; ++i) {
    status.Report("phase", BootState::kRunning, std::to_string(i));
  }
  go.Notify();
  status.Flush(absl::Seconds(10));
  const absl::MutexLock lock(&mutex);
  EXPECT_LE(sent.size(), 2U);
  EXPECT_THAT(sent.back(), HasSubstr("\"49\""));
}

TEST_F(BootStatusTest, CutsLongMessages) {
  NodeBootStatus status(
      path_, -1, [](auto) { return absl::OkStatus(); }, clock_);
  status.Report("phase", BootState::kFailed, std::string(100'000, 'x'));
  EXPECT_THAT(File()["message"].get<std::string>(), SizeIs(4096));
}

}  // namespace
}  // namespace constellation::disk_mapper
