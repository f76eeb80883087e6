// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/testing/http_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <utility>

namespace constellation::attestation::testing {
namespace {

constexpr int kPollMilliseconds = 10;

// Whether `fd` has something to read before `stop`.
bool AwaitReadable(int fd, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, kPollMilliseconds) > 0) {
      return true;
    }
  }
  return false;
}

size_t BodySize(std::string_view head) {
  constexpr std::string_view kName = "Content-Length: ";
  const size_t at = head.find(kName);
  size_t size = 0;
  if (at != std::string_view::npos) {
    const std::string_view digits = head.substr(at + kName.size());
    std::from_chars(digits.data(), digits.data() + digits.size(), size);
  }
  return size;
}

TestHttpServer::Handler InTurn(std::vector<ScriptedAnswer> answers) {
  // Shared by the copies of one std::function.
  auto next = std::make_shared<size_t>(0);
  return [answers = std::move(answers), next](const std::string&,
                                              const std::string&) {
    return answers.at(std::min((*next)++, answers.size() - 1));
  };
}

}  // namespace

std::string HttpAnswer(int status, std::string_view body,
                       std::string_view headers) {
  return fmt::format("HTTP/1.1 {} Text\r\nContent-Length: {}\r\n{}\r\n{}",
                     status, body.size(), headers, body);
}

TestHttpServer::TestHttpServer(Handler handler)
    : handler_(std::move(handler)),
      listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_.get(), any, length) != 0 ||
      listen(listener_.get(), 64) != 0 ||
      getsockname(listener_.get(), any, &length) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

TestHttpServer::TestHttpServer(std::vector<ScriptedAnswer> answers)
    : TestHttpServer(InTurn(std::move(answers))) {}

TestHttpServer::~TestHttpServer() {
  thread_.request_stop();
  thread_.join();
}

std::string TestHttpServer::url() const {
  return fmt::format("http://127.0.0.1:{}", port_);
}

std::vector<std::string> TestHttpServer::requests() const {
  const absl::MutexLock lock(&mutex_);
  return requests_;
}

void TestHttpServer::Run(const std::stop_token& stop) {
  while (AwaitReadable(listener_.get(), stop)) {
    const UniqueFd connection(
        accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.valid()) {
      Serve(connection.get(), stop);
    }
  }
}

void TestHttpServer::Serve(int fd, const std::stop_token& stop) {
  std::string request;
  std::array<char, 16384> chunk{};
  while (true) {
    const size_t end = request.find("\r\n\r\n");
    if (end != std::string::npos &&
        request.size() >= end + 4 + BodySize(request)) {
      break;
    }
    if (!AwaitReadable(fd, stop)) {
      return;
    }
    const ssize_t got = recv(fd, chunk.data(), chunk.size(), 0);
    if (got <= 0) {
      return;
    }
    request.append(chunk.data(), static_cast<size_t>(got));
  }
  {
    const absl::MutexLock lock(&mutex_);
    requests_.push_back(request);
  }
  const size_t start = request.find(' ') + 1;
  const ScriptedAnswer answer = handler_(
      request.substr(start, request.find(' ', start) - start), request);
  std::string_view rest = answer.octets;
  while (!rest.empty()) {
    const ssize_t sent = send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return;
    }
    rest.remove_prefix(static_cast<size_t>(sent));
  }
  if (answer.hold && AwaitReadable(fd, stop)) {  // until the client hangs up
    (void)recv(fd, chunk.data(), chunk.size(), 0);
  }
}

}  // namespace constellation::attestation::testing
