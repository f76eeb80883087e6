// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/state_disk/state_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "disk-mapper/state_disk/disk_keys.h"
#include "disk-mapper/state_disk/layout.h"
#include "disk-mapper/state_disk/testing/fake_device_mapper.h"
#include "disk-mapper/state_disk/testing/memory_block_device.h"

namespace constellation::disk_mapper {
namespace {

using constellation::testing::IsOk;
using constellation::testing::IsOkAndHolds;
using constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kUuid = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
constexpr std::string_view kOther = "6ba7b810-9dad-41d1-80b4-00c04fd430c9";

SecretBytes Key(uint8_t octet) {
  return SecretBytes(Bytes(kStateDiskKeySize, octet));
}

class StateDiskTest : public ::testing::Test {
 protected:
  LabelKind Kind() { return disk_.Inspect()->kind; }
  void FormatAndCommit() {
    ASSERT_THAT(disk_.Format(Key(1), kUuid), IsOk());
    ASSERT_THAT(disk_.Commit(kUuid), IsOk());
    ASSERT_THAT(disk_.Close(), IsOk());
  }

  testing::MemoryBlockDevice device_;
  testing::FakeDeviceMapper mapper_{&device_};
  StateDisk disk_{"/dev/vdb", device_, mapper_};
};

TEST_F(StateDiskTest, IsBlankUntilCommitted) {
  EXPECT_EQ(Kind(), LabelKind::kBlank);
  ASSERT_THAT(disk_.Format(Key(1), kUuid), IsOkAndHolds("/dev/dm-1"));
  EXPECT_EQ(Kind(), LabelKind::kBlank);
  ASSERT_THAT(disk_.Commit(kUuid), IsOk());
  EXPECT_EQ(Kind(), LabelKind::kOurs);
  EXPECT_EQ(disk_.Inspect()->disk_uuid, kUuid);
}

TEST_F(StateDiskTest, OpensWithTheKey) {
  FormatAndCommit();
  EXPECT_THAT(disk_.Open(Key(1), kUuid), IsOkAndHolds("/dev/dm-1"));
  EXPECT_THAT(mapper_.devices, SizeIs(2));
  EXPECT_EQ(mapper_.sectors[std::string(kStateDeviceName)],
            *ProvidedSectors(device_.size()));
}

TEST_F(StateDiskTest, ClosesBothDevices) {
  FormatAndCommit();
  ASSERT_THAT(disk_.Open(Key(1), kUuid), IsOk());
  EXPECT_THAT(disk_.Close(), IsOk());
  EXPECT_THAT(mapper_.devices, IsEmpty());
  EXPECT_THAT(disk_.Close(), IsOk());
}

TEST_F(StateDiskTest, SaysWrongKey) {
  FormatAndCommit();
  EXPECT_THAT(
      disk_.Open(Key(2), kUuid),
      StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("wrong key")));
  EXPECT_THAT(mapper_.devices, IsEmpty());
}

TEST_F(StateDiskTest, SaysWrongKeyForALieAboutTheId) {
  FormatAndCommit();
  EXPECT_THAT(disk_.Open(Key(1), kOther),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(StateDiskTest, SaysDamagedForALostKeyCheckBlock) {
  FormatAndCommit();
  device_.Flip(kKeyCheckOffset);
  EXPECT_THAT(disk_.Open(Key(1), kUuid),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("damaged")));
}

TEST_F(StateDiskTest, SaysDamagedForAnAlteredSuperblock) {
  FormatAndCommit();
  device_.Flip(kDataOffset + 12);
  EXPECT_THAT(
      disk_.Open(Key(1), kUuid),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("journal sections")));
  EXPECT_THAT(mapper_.devices, IsEmpty());
}

// The disk shows us one superblock and the kernel another.
TEST_F(StateDiskTest, BelievesTheKernelAndNotItsOwnReading) {
  FormatAndCommit();
  mapper_.table = "252:0 2048 32 J 1 block_size:4096";
  EXPECT_THAT(disk_.Open(Key(1), kUuid), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(mapper_.devices, IsEmpty());
}

TEST_F(StateDiskTest, LeavesNothingOpenIfTheUpperDeviceFails) {
  FormatAndCommit();
  mapper_.fail_type = "crypt";
  EXPECT_THAT(disk_.Open(Key(1), kUuid), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(mapper_.devices, IsEmpty());
}

TEST_F(StateDiskTest, FormatsOnlyBlankDisks) {
  FormatAndCommit();
  EXPECT_THAT(disk_.Format(Key(2), kOther),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("it has our label")));
  testing::MemoryBlockDevice foreign;
  foreign.Flip(0);
  StateDisk disk("/dev/vdb", foreign, mapper_);
  EXPECT_THAT(
      disk.Format(Key(2), kOther),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not blank")));
  EXPECT_EQ(foreign.writes(), 0);
}

TEST_F(StateDiskTest, WritesNothingForBadArguments) {
  EXPECT_THAT(disk_.Format(Key(1), "no-uuid"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(disk_.Format(SecretBytes(16), kUuid),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(device_.writes(), 0);
  testing::MemoryBlockDevice small(100 * kMebibyte);
  StateDisk disk("/dev/vdb", small, mapper_);
  EXPECT_THAT(disk.Format(Key(1), kUuid),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(small.writes(), 0);
}

TEST_F(StateDiskTest, FormatsAgainAfterAnInterruptedFormat) {
  ASSERT_THAT(disk_.Format(Key(1), kUuid), IsOk());
  ASSERT_THAT(disk_.Close(), IsOk());
  ASSERT_THAT(disk_.Format(Key(2), kOther), IsOk());
  EXPECT_THAT(disk_.Open(Key(1), kUuid),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

// Wherever the power fails during format, the disk is blank, and formatting
// works at the next try.
TEST_F(StateDiskTest, SurvivesAPowerCutAtEveryWriteOfFormat) {
  for (int writes = 0;; ++writes) {
    testing::MemoryBlockDevice device;
    testing::FakeDeviceMapper mapper{&device};
    StateDisk disk("/dev/vdb", device, mapper);
    device.CutPowerAfter(writes);
    const bool finished = disk.Format(Key(1), kUuid).ok();
    device.PowerOn();
    mapper.devices.clear();
    EXPECT_EQ(disk.Inspect()->kind, LabelKind::kBlank) << writes;
    EXPECT_THAT(disk.Format(Key(1), kUuid), IsOk()) << writes;
    if (finished) {
      EXPECT_GE(writes, 4);
      break;
    }
  }
}

// Wherever the power fails during commit or reset, the disk is blank or ours.
TEST_F(StateDiskTest, SurvivesAPowerCutAtEveryWriteOfCommitAndReset) {
  for (int writes = 0; writes < 8; ++writes) {
    testing::MemoryBlockDevice device;
    testing::FakeDeviceMapper mapper{&device};
    StateDisk disk("/dev/vdb", device, mapper);
    ASSERT_THAT(disk.Format(Key(1), kUuid), IsOk());
    device.CutPowerAfter(writes);
    const bool committed = disk.Commit(kUuid).ok();
    const bool reset = disk.Reset().ok();
    device.PowerOn();
    const LabelKind kind = disk.Inspect()->kind;
    EXPECT_NE(kind, LabelKind::kForeign) << writes;
    if (!committed || reset) {
      EXPECT_EQ(kind, LabelKind::kBlank) << writes;
    }
    EXPECT_THAT(disk.Commit(kUuid), IsOk()) << writes;
    EXPECT_EQ(disk.Inspect()->kind, LabelKind::kOurs) << writes;
  }
}

TEST_F(StateDiskTest, CommitsOnlyWhatWasFormatted) {
  EXPECT_THAT(disk_.Commit(kUuid),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("has not been formatted")));
  EXPECT_EQ(Kind(), LabelKind::kBlank);
}

TEST_F(StateDiskTest, CommitsOnceAndForOneId) {
  FormatAndCommit();
  EXPECT_THAT(disk_.Commit(kUuid), IsOk());
  EXPECT_THAT(
      disk_.Commit(kOther),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(kUuid)));
}

TEST_F(StateDiskTest, ResetMakesItBlank) {
  FormatAndCommit();
  ASSERT_THAT(disk_.Reset(), IsOk());
  EXPECT_EQ(Kind(), LabelKind::kBlank);
  EXPECT_THAT(disk_.Reset(), IsOk());
}

TEST_F(StateDiskTest, ResetLeavesForeignDisksAlone) {
  device_.Flip(0);
  EXPECT_THAT(disk_.Reset(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(device_.writes(), 0);
}

TEST_F(StateDiskTest, CallsTinyDisksForeign) {
  testing::MemoryBlockDevice tiny(64 * 1024);
  StateDisk disk("/dev/vdb", tiny, mapper_);
  EXPECT_EQ(disk.Inspect()->kind, LabelKind::kForeign);
}

TEST_F(StateDiskTest, ZerosBothEnds) {
  testing::MemoryBlockDevice device(16 * kMebibyte);
  device.Flip(0);
  device.Flip(kMebibyte - 1);
  device.Flip(kMebibyte);
  device.Flip(16 * kMebibyte - 1);
  ASSERT_THAT(ZeroEnds(device), IsOk());
  EXPECT_EQ(device.Block(0), Bytes(kBlockSize));
  EXPECT_EQ(device.Block(kMebibyte - kBlockSize), Bytes(kBlockSize));
  EXPECT_NE(device.Block(kMebibyte), Bytes(kBlockSize));
  EXPECT_EQ(device.Block(16 * kMebibyte - kBlockSize), Bytes(kBlockSize));
  testing::MemoryBlockDevice tiny(kMebibyte);
  EXPECT_THAT(ZeroEnds(tiny), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace constellation::disk_mapper
