// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/unix_socket.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "absl/time/clock.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::qemu {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class UnixSocketTest : public ::testing::Test {
 protected:
  constellation::testing::TempDir folder_;
  const std::string path_ = folder_.Join("s");
};

TEST_F(UnixSocketTest, ConnectsToAListener) {
  ASSERT_OK_AND_ASSIGN(const UniqueFd listener, ListenUnix(path_));
  ASSERT_OK_AND_ASSIGN(const UniqueFd client, ConnectUnix(path_));
  const UniqueFd server(accept(listener.get(), nullptr, nullptr));
  ASSERT_TRUE(server.valid());
  ASSERT_EQ(write(client.get(), "x", 1), 1);
  char got = 0;
  ASSERT_EQ(read(server.get(), &got, 1), 1);
  EXPECT_EQ(got, 'x');
  EXPECT_TRUE(PeerIsTrustedUser(server.get()));
  EXPECT_TRUE(PeerIsTrustedUser(client.get()));
}

TEST_F(UnixSocketTest, OnlyTheOwnerMayConnect) {
  ASSERT_THAT(ListenUnix(path_), IsOk());
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(UnixSocketTest, ReplacesWhatADeadProcessLeft) {
  ASSERT_THAT(WriteFileAtomically(path_, "leftover"), IsOk());
  ASSERT_OK_AND_ASSIGN(const UniqueFd listener, ListenUnix(path_));
  EXPECT_THAT(ConnectUnix(path_), IsOk());
}

TEST_F(UnixSocketTest, NobodyThereIsUnavailable) {
  EXPECT_THAT(ConnectUnix(path_),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("nobody answers at " + path_)));
  { ASSERT_THAT(ListenUnix(path_), IsOk()); }
  EXPECT_THAT(ConnectUnix(path_), StatusIs(absl::StatusCode::kUnavailable));
}

// A path that is cut would be another socket.
TEST_F(UnixSocketTest, PathsHaveALimit) {
  const std::string longest = folder_.Join(
      std::string(kMaxSocketPath - folder_.path().size() - 1, 'a'));
  ASSERT_EQ(longest.size(), kMaxSocketPath);
  ASSERT_OK_AND_ASSIGN(const UniqueFd listener, ListenUnix(longest));
  EXPECT_THAT(ConnectUnix(longest), IsOk());
  EXPECT_THAT(ListenUnix(longest + "a"),
              StatusIs(kInvalid, HasSubstr("socket path of 108 octets")));
  EXPECT_THAT(ConnectUnix(longest + "a"), StatusIs(kInvalid));
  EXPECT_THAT(ListenUnix(""), StatusIs(kInvalid));
}

TEST_F(UnixSocketTest, FailuresNameThePath) {
  EXPECT_THAT(ListenUnix(folder_.Join("absent/s")),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr(folder_.Join("absent/s"))));
}

TEST_F(UnixSocketTest, OthersAreNotTrusted) {
  EXPECT_FALSE(PeerIsTrustedUser(-1));
  const UniqueFd file(open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(PeerIsTrustedUser(file.get()));
}

TEST_F(UnixSocketTest, WaitsForSomethingToRead) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(pipe(ends), 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  const absl::Time start = absl::Now();
  EXPECT_THAT(WaitReadable(reader.get(), start + absl::Milliseconds(50)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(50));
  ASSERT_EQ(write(writer.get(), "x", 1), 1);
  EXPECT_THAT(WaitReadable(reader.get(), absl::Now() + absl::Seconds(10)),
              IsOk());
  EXPECT_THAT(WaitReadable(reader.get(), absl::InfinitePast()),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
}

}  // namespace
}  // namespace constellation::cloud::qemu
