// SPDX-License-Identifier: Apache-2.0
#include "cloud/http/testing/local_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <utility>

namespace constellation::cloud::testing {
namespace {

// Appends what arrives; false at the end.
bool ReceiveMore(int fd, std::string& buffer) {
  std::array<char, 16384> piece{};
  const ssize_t got = ::recv(fd, piece.data(), piece.size(), 0);
  if (got <= 0) {
    return false;
  }
  buffer.append(piece.data(), static_cast<size_t>(got));
  return true;
}

void ParseHead(const std::string& head, ReceivedRequest& request) {
  const size_t line = head.find("\r\n");
  const size_t space = head.find(' ');
  request.method = head.substr(0, space);
  request.target =
      head.substr(space + 1, head.find(' ', space + 1) - space - 1);
  size_t start = line + 2;
  while (start < head.size()) {
    const size_t end = std::min(head.find("\r\n", start), head.size());
    const size_t colon = head.find(':', start);
    if (colon < end) {
      std::string name = head.substr(start, colon - start);
      std::ranges::transform(name, name.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
      });
      const size_t value =
          std::min(head.find_first_not_of(' ', colon + 1), end);
      request.headers[name] = head.substr(value, end - value);
    }
    start = end + 2;
  }
}

std::optional<ReceivedRequest> Receive(int fd, std::string& buffer) {
  size_t end = 0;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (!ReceiveMore(fd, buffer)) {
      return std::nullopt;
    }
  }
  ReceivedRequest request;
  ParseHead(buffer.substr(0, end), request);
  buffer.erase(0, end + 4);
  const size_t size =
      std::strtoull(request.headers["content-length"].c_str(), nullptr, 10);
  while (buffer.size() < size) {
    if (!ReceiveMore(fd, buffer)) {
      return std::nullopt;
    }
  }
  request.body = buffer.substr(0, size);
  buffer.erase(0, size);
  return request;
}

bool SendAll(int fd, const std::string& text) {
  for (size_t sent = 0; sent < text.size();) {
    const ssize_t count =
        ::send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) {
      return false;
    }
    sent += static_cast<size_t>(count);
  }
  return true;
}

}  // namespace

std::string Answer(int status, const std::string& body,
                   const std::string& headers) {
  return fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n{}\r\n{}", status,
                     body.size(), headers, body);
}

LocalServer::LocalServer(Handler handler)
    : handler_(std::move(handler)),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_.get(), generic, size) != 0 ||
      ::listen(listener_.get(), SOMAXCONN) != 0 ||
      ::getsockname(listener_.get(), generic, &size) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

LocalServer::~LocalServer() {
  {
    const absl::MutexLock lock(&mutex_);
    ended_ = true;
    for (const int fd : open_) {
      ::shutdown(fd, SHUT_RDWR);
    }
  }
  ::shutdown(listener_.get(), SHUT_RDWR);  // wakes accept()
  acceptor_.join();
  for (std::thread& worker : workers_) {
    worker.join();
  }
}

std::string LocalServer::Url(const std::string& path) const {
  return fmt::format("http://127.0.0.1:{}{}", port_, path);
}

std::vector<ReceivedRequest> LocalServer::requests() const {
  const absl::MutexLock lock(&mutex_);
  return requests_;
}

void LocalServer::Accept() {
  for (int connection = 1;; ++connection) {
    const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) {
      return;
    }
    const absl::MutexLock lock(&mutex_);
    if (ended_) {
      ::close(fd);
      return;
    }
    open_.push_back(fd);
    workers_.emplace_back([this, fd, connection] { Serve(fd, connection); });
  }
}

void LocalServer::Serve(int fd, int connection) {
  std::string buffer;
  while (auto request = Receive(fd, buffer)) {
    request->connection = connection;
    {
      const absl::MutexLock lock(&mutex_);
      requests_.push_back(*request);
    }
    const std::string answer = handler_(*request);
    if (answer.empty() || !SendAll(fd, answer)) {
      break;
    }
  }
  const absl::MutexLock lock(&mutex_);
  std::erase(open_, fd);
  ::close(fd);
}

}  // namespace constellation::cloud::testing
