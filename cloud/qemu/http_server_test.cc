// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/http_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <optional>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "cloud/qemu/testing/scripted_server.h"
#include "cloud/qemu/unix_socket.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::qemu {
namespace {

using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::testing::HasSubstr;
using testing::ReceiveUntil;
using testing::SendText;
using ::testing::StartsWith;

class HttpServerTest : public ::testing::Test {
 protected:
  void Serve(HttpServer::Options options) {
    auto server = HttpServer::Create(
        Socket(), options, [this](const HttpRequest& request) {
          ++handled_;
          if (hold_ != nullptr) {
            hold_->WaitForNotification();
          }
          return HttpResponse{
              200, request.method + " " + request.path + " " + request.body};
        });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  // Sends `text` and returns everything that comes back.
  std::string Talk(std::string_view text) {
    auto fd = ConnectUnix(Socket());
    if (!fd.ok()) {
      return fd.status().ToString();
    }
    SendText(fd->get(), text);
    return ReceiveUntil(fd->get(), "");
  }
  std::string Socket() { return dir_.Join("s"); }

  TempDir dir_;
  std::atomic<int> handled_ = 0;
  absl::Notification* hold_ = nullptr;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersGetAndPost) {
  Serve({});
  EXPECT_THAT(Talk("GET /v1/self HTTP/1.1\r\nHost: x\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"),
                    HasSubstr("Content-Length: 13\r\n"),
                    HasSubstr("\r\n\r\nGET /v1/self ")));
  EXPECT_THAT(Talk("POST /x HTTP/1.0\r\ncontent-LENGTH:  3 \r\n\r\nabc"),
              HasSubstr("POST /x abc"));
}

TEST_F(HttpServerTest, IgnoresWhatFollowsTheBody) {
  Serve({});
  EXPECT_THAT(Talk("POST /x HTTP/1.1\r\nContent-Length: 1\r\n\r\nabc"),
              HasSubstr("\r\n\r\nPOST /x a"));
  EXPECT_EQ(handled_, 1);
}

TEST_F(HttpServerTest, RejectsMalformedRequests) {
  Serve({.max_body = 10});
  for (const std::string& bad :
       {std::string("\r\n\r\n"), std::string("GET\r\n\r\n"),
        std::string("GET /\r\n\r\n"), std::string("GET / HTTP/2.0\r\n\r\n"),
        std::string("GET http://x/ HTTP/1.1\r\n\r\n"),
        std::string("GET /a b HTTP/1.1\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\nno colon\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n12345678901"),
        std::string("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: 0x3\r\n\r\nabc"),
        std::string(
            "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: 1\r\n"
                    "Content-Length: 1\r\n\r\na"),
        std::string("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"),
        "GET / HTTP/1.1\r\nX: " + std::string(9000, 'a') + "\r\n\r\n"}) {
    EXPECT_THAT(Talk(bad), StartsWith("HTTP/1.1 400 ")) << bad.substr(0, 80);
  }
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpServerTest, EndlessHeadIsCutOff) {
  Serve({});
  ASSERT_OK_AND_ASSIGN(const UniqueFd fd, ConnectUnix(Socket()));
  const std::string line(4096, 'a');
  int sent = 0;
  while (sent < 1000 && SendText(fd.get(), line)) {
    ++sent;
  }
  EXPECT_LT(sent, 1000);
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpServerTest, SilentClientsAreDropped) {
  Serve({.read_limit = absl::Milliseconds(100)});
  ASSERT_OK_AND_ASSIGN(const UniqueFd fd, ConnectUnix(Socket()));
  SendText(fd.get(), "GET / HT");
  const absl::Time start = absl::Now();
  EXPECT_EQ(ReceiveUntil(fd.get(), ""), "");
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
}

TEST_F(HttpServerTest, BoundsTheNumberOfConnections) {
  absl::Notification go;
  hold_ = &go;
  Serve({.max_connections = 2});
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(UniqueFd fd, ConnectUnix(Socket()));
    SendText(fd.get(), "GET / HTTP/1.1\r\n\r\n");
    clients.push_back(std::move(fd));
  }
  while (handled_ < 2) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_EQ(Talk("GET / HTTP/1.1\r\n\r\n"), "") << "closed without an answer";
  go.Notify();
  for (const UniqueFd& fd : clients) {
    EXPECT_THAT(ReceiveUntil(fd.get(), ""), HasSubstr("200 OK"));
  }
}

TEST_F(HttpServerTest, DestructorLetsHandlersFinish) {
  absl::Notification go;
  hold_ = &go;
  Serve({});
  ASSERT_OK_AND_ASSIGN(const UniqueFd busy, ConnectUnix(Socket()));
  SendText(busy.get(), "GET / HTTP/1.1\r\n\r\n");
  ASSERT_OK_AND_ASSIGN(const UniqueFd idle, ConnectUnix(Socket()));
  while (handled_ < 1) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  std::thread stopper([&] { server_.reset(); });
  EXPECT_EQ(ReceiveUntil(idle.get(), ""), "");
  go.Notify();
  stopper.join();
  EXPECT_THAT(ReceiveUntil(busy.get(), ""), HasSubstr("200 OK"));
  EXPECT_FALSE(FileExists(Socket()));
}

TEST(UnixSocket, RefusesLongPaths) {
  EXPECT_THAT(
      ListenUnix("/" + std::string(107, 'a')),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 107")));
  EXPECT_THAT(ConnectUnix("/tmp/nobody-listens-here"),
              StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace constellation::cloud::qemu
