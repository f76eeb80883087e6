// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include <array>
#include <cstdint>

#include "absl/time/clock.h"
#include "cloud/qemu/http_server.h"
#include "common/unique_fd.h"

// What a guest may send to its metadata endpoint.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace qemu = constellation::cloud::qemu;
  constexpr size_t kMaxBody = 4096;
  std::array<int, 2> fds{};
  if (size > 65536 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()) != 0) {
    return 0;
  }
  const constellation::UniqueFd reader(fds[0]);
  constellation::UniqueFd writer(fds[1]);
  (void)!send(writer.get(), data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  writer.Reset();
  const auto request = qemu::ReadHttpRequest(reader.get(), kMaxBody,
                                             absl::Now() + absl::Seconds(1));
  if (request.ok() &&
      (request->body.size() > kMaxBody || request->path.empty())) {
    __builtin_trap();
  }
  return 0;
}
