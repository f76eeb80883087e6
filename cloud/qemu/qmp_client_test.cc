// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/qmp_client.h"

#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "cloud/qemu/testing/scripted_server.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::qemu {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::testing::HasSubstr;
using testing::ReceiveUntil;
using testing::ScriptedServer;
using testing::SendText;

constexpr std::string_view kGreeting = "{\"QMP\": {\"version\": {}}}\r\n";
constexpr std::string_view kOk = "{\"return\": {}}\r\n";

class QmpClientTest : public ::testing::Test {
 protected:
  std::string Socket() { return dir_.Join("qmp"); }
  absl::StatusOr<QmpClient> Connect(absl::Duration limit = absl::Seconds(5)) {
    return QmpClient::Connect(Socket(), limit);
  }

  TempDir dir_;
};

TEST_F(QmpClientTest, NegotiatesAndSkipsEvents) {
  std::string commands;
  const ScriptedServer server(Socket(), [&](int fd) {
    SendText(fd, kGreeting);
    commands += ReceiveUntil(fd, "\n");
    SendText(fd, kOk);
    commands += ReceiveUntil(fd, "\n");
    SendText(fd, "{\"event\": \"RESET\"}\r\n{\"return\": {\"status\": ");
    absl::SleepFor(absl::Milliseconds(20));
    SendText(fd, "\"running\"}}\r\n");
    ReceiveUntil(fd, "");
  });
  ASSERT_OK_AND_ASSIGN(QmpClient client, Connect());
  ASSERT_OK_AND_ASSIGN(const auto result,
                       client.Execute("query-status", absl::Seconds(5)));
  EXPECT_EQ(result["status"], "running");
  EXPECT_EQ(commands,
            "{\"execute\":\"qmp_capabilities\"}\n"
            "{\"execute\":\"query-status\"}\n");
}

TEST_F(QmpClientTest, PassesOnRefusals) {
  const ScriptedServer server(Socket(), [&](int fd) {
    SendText(fd, kGreeting);
    ReceiveUntil(fd, "\n");
    SendText(fd, kOk);
    ReceiveUntil(fd, "\n");
    SendText(fd, "{\"error\": {\"desc\": \"no such command\"}}\n");
  });
  ASSERT_OK_AND_ASSIGN(QmpClient client, Connect());
  EXPECT_THAT(
      client.Execute("nonsense", absl::Seconds(5)),
      StatusIs(absl::StatusCode::kInternal, HasSubstr("no such command")));
  EXPECT_THAT(client.Execute("quit", absl::Seconds(5)),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(QmpClientTest, RejectsStrangersAndSilence) {
  EXPECT_THAT(Connect(), StatusIs(absl::StatusCode::kUnavailable));
  {
    const ScriptedServer server(Socket(),
                                [](int fd) { SendText(fd, "{\"a\":1}\n"); });
    EXPECT_THAT(Connect(), StatusIs(absl::StatusCode::kInvalidArgument));
  }
  {
    const ScriptedServer server(Socket(), [](int fd) {
      const std::string text(4096, 'a');
      for (int i = 0; i < 10000 && SendText(fd, text); ++i) {
      }
    });
    EXPECT_THAT(Connect(), StatusIs(absl::StatusCode::kInvalidArgument,
                                    HasSubstr("longer than")));
  }
  const ScriptedServer server(Socket(), [](int fd) { ReceiveUntil(fd, ""); });
  EXPECT_THAT(Connect(absl::Milliseconds(100)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
}

}  // namespace
}  // namespace constellation::cloud::qemu
