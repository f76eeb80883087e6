// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/cluster_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "cloud/qemu/unix_socket.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::qemu {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string LongPath() {
  return "/home/" + std::string(120, 'x');
}

TEST(ChooseRuntimeDirectory, StaysInsideWhileSocketsFit) {
  EXPECT_EQ(ChooseRuntimeDirectory("/home/me/ws"), "/home/me/ws/run");
  unsetenv("XDG_RUNTIME_DIR");
  const std::string outside = ChooseRuntimeDirectory(LongPath());
  EXPECT_THAT(outside, StartsWith("/tmp/constellation-"));
  EXPECT_NE(outside, ChooseRuntimeDirectory(LongPath() + "y"));
  setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1);
  EXPECT_THAT(ChooseRuntimeDirectory(LongPath()),
              StartsWith("/run/user/1000/constellation-"));
  unsetenv("XDG_RUNTIME_DIR");
}

TEST(ChooseRuntimeDirectory, EverySocketFits) {
  NodeSpec node{.name = std::string(63, 'n'), .index = 200};
  for (size_t length = 10; length < 130; ++length) {
    const std::string directory = "/" + std::string(length, 'd');
    const ClusterPaths paths{directory, ChooseRuntimeDirectory(directory)};
    const NodePaths node_paths(paths, node);
    for (const std::string& socket :
         {paths.ControlSocket(), paths.Switch() + "/.1234567-00000",
          node_paths.EnrollSocket() + ".ctrl", node_paths.MetadataSocket()}) {
      EXPECT_LE(socket.size(), kMaxSocketPath) << socket;
    }
  }
}

TEST(MakeRuntimeDirectory, AcceptsOnlyAPrivateFolder) {
  const TempDir dir;
  const std::string path = dir.Join("run");
  EXPECT_THAT(MakeRuntimeDirectory(path), IsOk());
  EXPECT_THAT(MakeRuntimeDirectory(path), IsOk());
  chmod(path.c_str(), 0755);
  EXPECT_THAT(MakeRuntimeDirectory(path),
              StatusIs(absl::StatusCode::kPermissionDenied));
  const std::string link = dir.Join("link");
  chmod(path.c_str(), 0700);
  ASSERT_EQ(symlink(path.c_str(), link.c_str()), 0);
  EXPECT_THAT(MakeRuntimeDirectory(link),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST(AbsoluteDirectory, NormalisesAndRefuses) {
  EXPECT_THAT(AbsoluteDirectory("/a/./b/../c/"), IsOkAndHolds("/a/c"));
  EXPECT_THAT(AbsoluteDirectory("ws"),
              IsOkAndHolds(AllOf(StartsWith("/"), EndsWith("/ws"))));
  for (const std::string& bad :
       {std::string("/a,b"), std::string("/a\nb"), std::string("/a\xff"),
        std::string(901, 'a')}) {
    EXPECT_THAT(AbsoluteDirectory(bad),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

class ClusterFilesTest : public ::testing::Test {
 protected:
  ClusterFilesTest() {
    spec_.name = "demo";
    spec_.image_path = "/image";
    spec_.runtime_directory = Directory() + "/run";
    (void)MakeDirectories(Directory());
  }
  std::string Directory() { return dir_.Join("c"); }
  void Write(const std::string& path, const std::string& text = "x") {
    ASSERT_THAT(WriteFileAtomically(path, text), IsOk());
  }
  void WriteSpec() { Write(Paths().Spec(), ClusterSpecToJson(spec_)); }
  ClusterPaths Paths() { return {Directory(), spec_.runtime_directory}; }

  TempDir dir_;
  ClusterSpec spec_;
};

TEST_F(ClusterFilesTest, ReadsItsSpec) {
  EXPECT_THAT(ReadClusterSpec(Directory()),
              StatusIs(absl::StatusCode::kNotFound));
  WriteSpec();
  EXPECT_THAT(ReadClusterSpec(Directory()), IsOk());
  Write(Paths().Spec(), "{\"version\": 1");
  EXPECT_THAT(ReadClusterSpec(Directory()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("cluster.json")));
}

// Removal deletes the runtime folder with everything in it.
TEST_F(ClusterFilesTest, NeverTakesAForeignRuntimeDirectory) {
  for (const char* foreign : {"/", "/home", "/tmp/constellation-0-1234"}) {
    spec_.runtime_directory = foreign;
    WriteSpec();
    EXPECT_THAT(ReadClusterSpec(Directory()),
                StatusIs(absl::StatusCode::kFailedPrecondition))
        << foreign;
  }
}

TEST_F(ClusterFilesTest, RemovesAllButForeignFiles) {
  WriteSpec();
  ASSERT_THAT(MakeDirectories(Paths().Nodes() + "/a/b"), IsOk());
  ASSERT_THAT(MakeDirectories(Paths().runtime), IsOk());
  Write(Paths().Nodes() + "/a/b/file");
  Write(Paths().SupervisorLog());
  Write(Directory() + "/mine");
  ASSERT_THAT(RemoveClusterFiles(Paths()), IsOk());
  EXPECT_TRUE(FileExists(Directory() + "/mine"));
  EXPECT_FALSE(FileExists(Paths().Spec()));
  EXPECT_FALSE(FileExists(Paths().Nodes()));
  unlink((Directory() + "/mine").c_str());
  ASSERT_THAT(RemoveClusterFiles(Paths()), IsOk());
  EXPECT_FALSE(FileExists(Directory()));
}

}  // namespace
}  // namespace constellation::cloud::qemu
