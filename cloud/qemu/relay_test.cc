// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/relay.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <thread>

#include "cloud/qemu/testing/scripted_server.h"
#include "common/testing/temp_dir.h"
#include "common/unique_fd.h"

namespace constellation::cloud::qemu {
namespace {

using ::constellation::testing::TempDir;
using testing::ReceiveUntil;
using testing::ScriptedServer;
using testing::SendText;

// A relay in a thread, and our end of its standard input and output.
class RunningRelay {
 public:
  explicit RunningRelay(const std::string& path) {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    guest_ = UniqueFd(fds[0]);
    thread_ = std::thread([this, path, end = UniqueFd(fds[1])] {
      code_ = Relay(end.get(), end.get(), path);
    });
  }
  int guest() const { return guest_.get(); }
  int Join() {
    thread_.join();
    return code_;
  }

 private:
  UniqueFd guest_;
  std::thread thread_;
  int code_ = -1;
};

TEST(Relay, CarriesBothDirections) {
  const TempDir dir;
  const std::string large(1 << 20, 'x');
  const ScriptedServer server(dir.Join("s"), [&](int fd) {
    const std::string question = ReceiveUntil(fd, "?");
    SendText(fd, "you said " + question + large);
  });
  RunningRelay relay(dir.Join("s"));
  SendText(relay.guest(), "how are you?");
  EXPECT_EQ(ReceiveUntil(relay.guest(), ""), "you said how are you?" + large);
  EXPECT_EQ(relay.Join(), 0);
}

TEST(Relay, PassesOnTheEndOfInput) {
  const TempDir dir;
  const ScriptedServer server(dir.Join("s"), [&](int fd) {
    SendText(fd, "got " + ReceiveUntil(fd, ""));
  });
  RunningRelay relay(dir.Join("s"));
  SendText(relay.guest(), "all");
  shutdown(relay.guest(), SHUT_WR);
  EXPECT_EQ(ReceiveUntil(relay.guest(), ""), "got all");
  EXPECT_EQ(relay.Join(), 0);
}

TEST(Relay, FailsWithoutAService) {
  const TempDir dir;
  RunningRelay relay(dir.Join("nobody"));
  EXPECT_EQ(ReceiveUntil(relay.guest(), ""), "");
  EXPECT_EQ(relay.Join(), 1);
}

}  // namespace
}  // namespace constellation::cloud::qemu
