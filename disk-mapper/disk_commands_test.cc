// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/disk_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "disk-mapper/testing/node_fixture.h"

namespace constellation::disk_mapper {
namespace {

using constellation::testing::IsOk;
using constellation::testing::StatusIs;
using ::testing::Contains;
using testing::DiskKey;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kDiskUuid;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

class DiskCommandsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // What the kernel would offer as /dev/dm-1.
    node_.mapper.upper_node = node_.folder.Join("mapped");
    ASSERT_THAT(WriteFileAtomically(node_.mapper.upper_node, ""), IsOk());
    ASSERT_EQ(truncate(node_.mapper.upper_node.c_str(), 8 << 20U), 0);
  }
  absl::Status Format() {
    return FormatDisk(node_.paths, node_.disk, node_.mounter, node_.runner,
                      "/dev/vdb", kDiskUuid, DiskKey());
  }
  testing::FakeNode node_;
};

TEST_F(DiskCommandsTest, FormatsMountsAndBinds) {
  ASSERT_THAT(Format(), IsOk());
  EXPECT_THAT(node_.runner.commands, SizeIs(1));
  EXPECT_EQ(node_.runner.commands[0][0], "mkfs.ext4");
  EXPECT_EQ(node_.runner.commands[0].back(), node_.mapper.upper_node);
  EXPECT_EQ(node_.mounter.last_device, node_.mapper.upper_node);
  const std::string root = node_.folder.path();
  EXPECT_THAT(node_.mounter.binds, Contains(Pair(root + "/run/state/kubernetes",
                                                 root + "/etc/kubernetes")));
  EXPECT_EQ(node_.disk.Inspect()->kind, LabelKind::kBlank);
}

TEST_F(DiskCommandsTest, NoKeyReachesOtherPrograms) {
  ASSERT_THAT(Format(), IsOk());
  EXPECT_THAT(node_.runner.inputs, Each(IsEmpty()));
  EXPECT_THAT(node_.runner.commands[0], Each(Not(HasSubstr("0101"))));
}

TEST_F(DiskCommandsTest, CommitsWhatWasFormatted) {
  EXPECT_THAT(ReadFormattedDisk(node_.paths),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_THAT(Format(), IsOk());
  ASSERT_OK_AND_ASSIGN(const FormattedDisk formatted,
                       ReadFormattedDisk(node_.paths));
  EXPECT_EQ(formatted.path, "/dev/vdb");
  EXPECT_EQ(formatted.uuid, kDiskUuid);
  ASSERT_THAT(CommitDisk(node_.paths, node_.disk, formatted.uuid), IsOk());
  EXPECT_EQ(node_.disk.Inspect()->kind, LabelKind::kOurs);
}

TEST_F(DiskCommandsTest, LeavesNothingOpenIfMkfsFails) {
  node_.runner.failing = "mkfs.ext4";
  EXPECT_THAT(Format(), StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(node_.mapper.devices, IsEmpty());
  EXPECT_THAT(node_.mounter.mounted, IsEmpty());
  node_.runner.failing.clear();
  EXPECT_THAT(Format(), IsOk());
}

TEST_F(DiskCommandsTest, LeavesNothingOpenIfMountingFails) {
  node_.mounter.mount_result = Internal("no");
  EXPECT_THAT(Format(), StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(node_.mapper.devices, IsEmpty());
  EXPECT_THAT(node_.mounter.mounted, IsEmpty());
}

TEST_F(DiskCommandsTest, RefusesADamagedNote) {
  ASSERT_THAT(MakeDirectories(node_.paths.Runtime()), IsOk());
  for (const char* note : {"", "{}", "{\"device\":1,\"diskUUID\":2}", "[]"}) {
    ASSERT_THAT(WriteFileAtomically(node_.paths.OpenedDisk(), note), IsOk());
    EXPECT_THAT(ReadFormattedDisk(node_.paths),
                StatusIs(absl::StatusCode::kInternal));
  }
}

}  // namespace
}  // namespace constellation::disk_mapper
