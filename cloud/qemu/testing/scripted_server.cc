// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/testing/scripted_server.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "cloud/qemu/unix_socket.h"

namespace constellation::cloud::qemu::testing {

ScriptedServer::ScriptedServer(const std::string& path,
                               std::function<void(int fd)> script)
    : script_(std::move(script)) {
  auto listener = ListenUnix(path);
  if (!listener.ok()) {
    std::abort();
  }
  listener_ = *std::move(listener);
  thread_ = std::thread([this] {
    while (true) {
      const UniqueFd connection(
          accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!connection.valid()) {
        return;
      }
      script_(connection.get());
    }
  });
}

ScriptedServer::~ScriptedServer() {
  shutdown(listener_.get(), SHUT_RDWR);  // wakes accept
  thread_.join();
}

bool SendText(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    text.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

std::string ReceiveUntil(int fd, std::string_view end) {
  const timeval limit{10, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  std::string text;
  std::array<char, 4096> chunk{};
  while (end.empty() || text.find(end) == std::string::npos) {
    const ssize_t got = recv(fd, chunk.data(), chunk.size(), 0);
    if (got <= 0) {
      break;
    }
    text.append(chunk.data(), static_cast<size_t>(got));
  }
  return text;
}

}  // namespace constellation::cloud::qemu::testing
