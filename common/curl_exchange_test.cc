// SPDX-License-Identifier: Apache-2.0
#include "common/curl_exchange.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>
#include <thread>

#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "common/unique_fd.h"

namespace constellation {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// Says `answer` to whoever comes first.
class OneAnswer final {
 public:
  explicit OneAnswer(std::string answer)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_.get(), any, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
    EXPECT_EQ(::getsockname(listener_.get(), any, &size), 0);
    url_ = fmt::format("http://127.0.0.1:{}/", ntohs(address.sin_port));
    thread_ = std::thread([this, answer = std::move(answer)] {
      const UniqueFd peer(::accept(listener_.get(), nullptr, nullptr));
      char octet = 0;
      while (!request_.ends_with("\r\n\r\n") &&
             ::recv(peer.get(), &octet, 1, 0) == 1) {
        request_ += octet;
      }
      (void)::send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    });
  }
  ~OneAnswer() { Join(); }
  const std::string& url() const { return url_; }
  const std::string& request() {
    Join();
    return request_;
  }

 private:
  void Join() {
    if (thread_.joinable()) thread_.join();
  }
  UniqueFd listener_;
  std::string url_;
  std::string request_;
  std::thread thread_;
};

class CurlExchangeTest : public ::testing::Test {
 protected:
  CURLcode Fetch(const std::string& url, const CurlExchange::Limits& limits) {
    exchange_ = std::make_unique<CurlExchange>(curl_, handle_.get(), limits);
    exchange_->Set(CURLOPT_URL, url.c_str());
    exchange_->SetTimeout(CURLOPT_TIMEOUT_MS, absl::Seconds(5));
    exchange_->AddHeader("X-Ours: yes");
    EXPECT_EQ(exchange_->option_error(), CURLE_OK);
    return exchange_->Perform();
  }

  const CurlLibrary& curl_ = **CurlLibrary::Get();
  const std::unique_ptr<CURL, void (*)(CURL*)> handle_{curl_.easy_init(),
                                                       curl_.easy_cleanup};
  std::unique_ptr<CurlExchange> exchange_;
};

TEST_F(CurlExchangeTest, GivesStatusHeadersAndBody) {
  OneAnswer server(
      "HTTP/1.1 100 Continue\r\nOld: 1\r\n\r\n"
      "HTTP/1.1 404 Not Found\r\nX-One:  a \r\nContent-Length: 3\r\n\r\nabc");
  ASSERT_EQ(Fetch(server.url(), {4096, 3}), CURLE_OK);
  EXPECT_EQ(exchange_->status(), 404);
  EXPECT_EQ(exchange_->body(), "abc");
  EXPECT_THAT(exchange_->headers(),
              ElementsAre(Pair("x-one", "a"), Pair("content-length", "3")));
  EXPECT_THAT(server.request(), HasSubstr("\r\nX-Ours: yes\r\n"));
}

TEST_F(CurlExchangeTest, BoundsTheBody) {
  const OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd");
  EXPECT_EQ(Fetch(server.url(), {4096, 3}), CURLE_WRITE_ERROR);
  EXPECT_TRUE(exchange_->too_large());
}

TEST_F(CurlExchangeTest, BoundsTheHeaders) {
  const OneAnswer server("HTTP/1.1 200 OK\r\nX: " + std::string(200, 'x') +
                         "\r\nContent-Length: 0\r\n\r\n");
  EXPECT_NE(Fetch(server.url(), {100, 3}), CURLE_OK);
  EXPECT_TRUE(exchange_->too_large());
}

TEST_F(CurlExchangeTest, FollowsNoRedirectByItself) {
  const OneAnswer server(
      "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
      "Content-Length: 0\r\n\r\n");
  EXPECT_EQ(Fetch(server.url(), {4096, 3}), CURLE_OK);
  EXPECT_EQ(exchange_->status(), 302);
}

TEST_F(CurlExchangeTest, ExplainsFailures) {
  const CURLcode code = Fetch("http://127.0.0.1:1/", {4096, 3});
  EXPECT_EQ(code, CURLE_COULDNT_CONNECT);
  EXPECT_FALSE(exchange_->too_large());
  EXPECT_THAT(std::string(exchange_->ErrorText(code)), HasSubstr("127.0.0.1"));
}

}  // namespace
}  // namespace constellation
