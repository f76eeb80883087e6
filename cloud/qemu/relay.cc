// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/relay.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <span>

#include "cloud/qemu/unix_socket.h"
#include "common/files.h"

namespace constellation::cloud::qemu {
namespace {

// Copies what is there from `from` to `to`; whether more may come.
bool CopySome(int from, int to) {
  std::array<uint8_t, 16384> buffer{};
  const ssize_t got = read(from, buffer.data(), buffer.size());
  if (got < 0) {
    return errno == EINTR || errno == EAGAIN;
  }
  return got > 0 &&
         WriteAll(to, std::span(buffer.data(), static_cast<size_t>(got))).ok();
}

}  // namespace

// The guest may half-close after its request and still wants the answer; only
// the service's end finishes the relay.
int Relay(int input, int output, const std::string& path) {
  auto socket = ConnectUnix(path);
  if (!socket.ok()) {
    return 1;
  }
  const int peer = socket->get();
  std::array<pollfd, 2> polls{{{peer, POLLIN, 0}, {input, POLLIN, 0}}};
  while (true) {
    if (poll(polls.data(), polls.size(), -1) < 0 && errno != EINTR) {
      return 1;
    }
    if (polls[0].revents != 0 && !CopySome(peer, output)) {
      return 0;
    }
    if (polls[1].revents != 0 && !CopySome(input, peer)) {
      shutdown(peer, SHUT_WR);
      polls[1].fd = -1;  // ignored from now on
    }
  }
}

int RunRelay(const std::string& path) {
  signal(SIGPIPE, SIG_IGN);
  return Relay(STDIN_FILENO, STDOUT_FILENO, path);
}

}  // namespace constellation::cloud::qemu
