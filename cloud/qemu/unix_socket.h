// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_UNIX_SOCKET_H_
#define CONSTELLATION_CLOUD_QEMU_UNIX_SOCKET_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/unique_fd.h"

namespace constellation::cloud::qemu {

// sizeof(sockaddr_un::sun_path) - 1.
inline constexpr size_t kMaxSocketPath = 107;

// A listening stream socket at `path`, mode 0600; what was there is replaced.
// INVALID_ARGUMENT if the path is too long.
absl::StatusOr<UniqueFd> ListenUnix(const std::string& path);
// UNAVAILABLE if nobody listens there.
absl::StatusOr<UniqueFd> ConnectUnix(const std::string& path);

// Whether the process at the other end belongs to this user or to root.
bool PeerIsTrustedUser(int fd);

// Waits until `fd` can be read; DEADLINE_EXCEEDED.
absl::Status WaitReadable(int fd, absl::Time deadline);

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_UNIX_SOCKET_H_
