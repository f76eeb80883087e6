// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/unix_socket.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/time/clock.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::qemu {
namespace {

// A path that is too long is refused, never cut: another socket would answer.
absl::StatusOr<sockaddr_un> Address(const std::string& path) {
  if (path.empty() || path.size() > kMaxSocketPath) {
    return InvalidArgument(
        fmt::format("socket path of {} octets, at most {} are possible: {}",
                    path.size(), kMaxSocketPath, path));
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

absl::StatusOr<UniqueFd> NewSocket() {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) {
    return ErrnoStatus(errno, "create", "Unix socket");
  }
  return fd;
}

}  // namespace

absl::StatusOr<UniqueFd> ListenUnix(const std::string& path) {
  ASSIGN_OR_RETURN(const sockaddr_un address, Address(path));
  ASSIGN_OR_RETURN(UniqueFd fd, NewSocket());
  unlink(path.c_str());
  // The folder is private; the mode is a second line of defence.
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address),
           sizeof(address)) != 0 ||
      chmod(path.c_str(), kPrivateFileMode) != 0 || listen(fd.get(), 64) != 0) {
    return ErrnoStatus(errno, "listen at", path);
  }
  return fd;
}

absl::StatusOr<UniqueFd> ConnectUnix(const std::string& path) {
  ASSIGN_OR_RETURN(const sockaddr_un address, Address(path));
  ASSIGN_OR_RETURN(UniqueFd fd, NewSocket());
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) != 0) {
    return Unavailable(
        fmt::format("nobody answers at {}: {}", path, std::strerror(errno)));
  }
  return fd;
}

// The kernel's word (unix(7), SO_PEERCRED): as of the connection, not
// forgeable.
bool PeerIsTrustedUser(int fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == geteuid() || peer.uid == 0);
}

// Returns also at the end of the stream: the read that follows tells.
absl::Status WaitReadable(int fd, absl::Time deadline) {
  while (true) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) {
      return DeadlineExceeded("nothing to read in time");
    }
    pollfd poller{fd, POLLIN, 0};
    const int ready =
        poll(&poller, 1,
             static_cast<int>(absl::ToInt64Milliseconds(
                 std::min(left, absl::Seconds(60)) + absl::Milliseconds(1))));
    if (ready > 0) {
      return absl::OkStatus();
    }
    if (ready < 0 && errno != EINTR) {
      return ErrnoStatus(errno, "wait for", "socket");
    }
  }
}

}  // namespace constellation::cloud::qemu
