// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/http_client.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

#include "absl/time/clock.h"
#include "cloud/qemu/testing/scripted_server.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::qemu {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ReceiveUntil;
using testing::ScriptedServer;
using testing::SendText;
using ::testing::StartsWith;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnavailable = absl::StatusCode::kUnavailable;

class HttpClientTest : public ::testing::Test {
 protected:
  // Calls a server that sends `text` once it has the request's head.
  absl::StatusOr<HttpAnswer> CallServer(const std::string& text) {
    const ScriptedServer server(socket_, [&](int fd) {
      head_ = ReceiveUntil(fd, "\r\n\r\n");
      SendText(fd, text);
    });
    return CallHttp(call_);
  }
  static std::string Ok(const std::string& body) {
    return fmt::format(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
        body.size(), body);
  }

  constellation::testing::TempDir folder_;
  const std::string socket_ = folder_.Join("s");
  HttpCall call_{.url = "http://localhost/control", .unix_socket = socket_};
  std::string head_;
};

TEST_F(HttpClientTest, GetsAnAnswer) {
  ASSERT_OK_AND_ASSIGN(const HttpAnswer answer, CallServer(Ok("hello")));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "hello");
  EXPECT_THAT(head_, StartsWith("GET /control HTTP/1.1\r\n"));
  EXPECT_THAT(head_, Not(HasSubstr("Expect:")));
}

TEST_F(HttpClientTest, PostsJson) {
  call_.post_body = "{}";
  ASSERT_OK_AND_ASSIGN(const HttpAnswer answer, CallServer(Ok("x")));
  EXPECT_THAT(head_, StartsWith("POST /control HTTP/1.1\r\n"));
  EXPECT_THAT(head_, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(head_, HasSubstr("Content-Length: 2\r\n"));
}

TEST_F(HttpClientTest, EveryStatusIsAnAnswer) {
  for (const int status : {204, 302, 404, 500}) {
    ASSERT_OK_AND_ASSIGN(
        const HttpAnswer answer,
        CallServer(fmt::format("HTTP/1.1 {} X\r\nLocation: http://x/\r\n"
                               "Content-Length: 0\r\n\r\n",
                               status)));
    EXPECT_EQ(answer.status, status);  // redirects are not followed
  }
}

TEST_F(HttpClientTest, AnswersHaveALimit) {
  call_.max_answer = 5;
  ASSERT_OK_AND_ASSIGN(const HttpAnswer answer, CallServer(Ok("12345")));
  EXPECT_EQ(answer.body, "12345");
  EXPECT_THAT(CallServer(Ok("123456")),
              StatusIs(kInvalid,
                       "http://localhost/control: answer longer "
                       "than 5 octets"));
  // Without a length the limit is met on the way.
  EXPECT_THAT(CallServer("HTTP/1.1 200 OK\r\n\r\n123456"), StatusIs(kInvalid));
}

TEST_F(HttpClientTest, NobodyThereIsUnavailable) {
  EXPECT_THAT(CallHttp(call_),
              StatusIs(kUnavailable, HasSubstr("http://localhost/control")));
}

TEST_F(HttpClientTest, BrokenAnswersAreErrors) {
  EXPECT_THAT(CallServer(""), StatusIs(kUnavailable));
  EXPECT_THAT(CallServer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"),
              StatusIs(kUnavailable));
  EXPECT_FALSE(CallServer("SSH-2.0-OpenSSH\r\n\r\n").ok());
}

TEST_F(HttpClientTest, SilenceEndsInTime) {
  call_.timeout = absl::Milliseconds(200);
  const ScriptedServer server(socket_, [](int fd) {
    ReceiveUntil(fd, "\r\n\r\n");
    absl::SleepFor(absl::Milliseconds(600));
  });
  EXPECT_THAT(CallHttp(call_), StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST_F(HttpClientTest, OnlyHttp) {
  for (const char* url : {"file:///etc/passwd", "https://localhost/", "x://"}) {
    EXPECT_THAT(CallHttp({.url = url}), StatusIs(kInvalid)) << url;
  }
}

// What the user set for the world must not see the node's secrets.
TEST_F(HttpClientTest, EnvironmentsProxyDoesNotCount) {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  const auto answer = CallServer(Ok("direct"));
  unsetenv("http_proxy");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->body, "direct");
}

}  // namespace
}  // namespace constellation::cloud::qemu
