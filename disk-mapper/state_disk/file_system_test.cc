// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/state_disk/file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::disk_mapper {
namespace {

using constellation::testing::IsOk;
using constellation::testing::StatusIs;
using constellation::testing::TempDir;
using ::testing::HasSubstr;
using ::testing::Not;

// On an image file: that mkfs.ext4 takes our options. What the kernel makes of
// the result is for vm_test.
TEST(FileSystemTest, MkfsTakesOurOptions) {
  TempDir folder;
  const std::string image = folder.Join("image");
  ASSERT_THAT(WriteFileAtomically(image, ""), IsOk());
  ASSERT_EQ(truncate(image.c_str(), off_t{1} << 30U), 0);
  ProcessRunner runner;
  ASSERT_THAT(MakeFileSystem(runner, image, absl::Minutes(1)), IsOk());
  const auto shown = RunChecked(runner, {"dumpe2fs", "-h", image});
  ASSERT_THAT(shown, IsOk());
  EXPECT_THAT(*shown, HasSubstr("metadata_csum"));
  EXPECT_THAT(*shown, HasSubstr("sparse_super2"));
  EXPECT_THAT(*shown, Not(HasSubstr("resize_inode")));
  EXPECT_THAT(*shown, HasSubstr("Block size:               4096"));
  EXPECT_THAT(*shown, HasSubstr("Inode size:\t          4096"));
}

TEST(FileSystemTest, SaysWhatMkfsSaid) {
  ProcessRunner runner;
  EXPECT_THAT(MakeFileSystem(runner, "/nonexistent/image", absl::Minutes(1)),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("nonexistent")));
}

TEST(FileSystemTest, KnowsMountPoints) {
  KernelMounter mounter;
  TempDir folder;
  EXPECT_TRUE(mounter.IsMountPoint("/"));
  EXPECT_TRUE(mounter.IsMountPoint("/proc"));
  EXPECT_FALSE(mounter.IsMountPoint(folder.path()));
  EXPECT_FALSE(mounter.IsMountPoint(folder.Join("none")));
}

}  // namespace
}  // namespace constellation::disk_mapper
