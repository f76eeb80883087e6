// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/ports.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "common/testing/status_matchers.h"
#include "common/unique_fd.h"

namespace constellation::cloud::qemu {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;

TEST(Ports, SeesWhoListens) {
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(fd.get(), 1), 0);
  ASSERT_EQ(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size),
            0);
  EXPECT_THAT(CheckPortFree(ntohs(address.sin_port)),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(Ports, ChoosesNoneThatIsTaken) {
  std::set<uint16_t> taken;
  for (int i = 20000; i <= 32000; ++i) {
    taken.insert(static_cast<uint16_t>(i));
  }
  EXPECT_THAT(ChooseFreePort(taken),
              StatusIs(absl::StatusCode::kResourceExhausted));
  ASSERT_OK_AND_ASSIGN(const uint16_t port, ChooseFreePort({}));
  EXPECT_THAT(CheckPortFree(port), IsOk());
  for (int i = 20000; i <= 32000; ++i) {
    if (i != port) {
      taken.insert(static_cast<uint16_t>(i));
    }
  }
  taken.erase(port);
  ASSERT_OK_AND_ASSIGN(const uint16_t last, ChooseFreePort(taken));
  EXPECT_EQ(last, port);
}

}  // namespace
}  // namespace constellation::cloud::qemu
