// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/state_disk/integrity_superblock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "disk-mapper/state_disk/testing/fake_device_mapper.h"

namespace constellation::disk_mapper {
namespace {

using constellation::testing::IsOk;
using constellation::testing::IsOkAndHolds;
using constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr uint64_t kSize = 8 * 1024 * kMebibyte;

TEST(IntegritySuperblockTest, KnowsTheKernelsJournalGeometry) {
  EXPECT_EQ(kJournalSectionSectors, 264U);
  EXPECT_EQ(kJournalSections, 248U);
  EXPECT_EQ(kUsedJournalSectors, 65472U);
}

// Values that Linux 6.12 gave for disks of these sizes (vm_test).
TEST(IntegritySuperblockTest, ComputesWhatTheKernelProvides) {
  EXPECT_THAT(ProvidedSectors(kSize), IsOkAndHolds(16580152U));
  EXPECT_THAT(ProvidedSectors(800 * 1024 * kMebibyte),
              IsOkAndHolds(1664648760U));
}

TEST(IntegritySuperblockTest, ProvidesLessThanTheDiskHas) {
  for (uint64_t size = kMinDiskSize; size < kMaxDiskSize; size = size * 3 / 2) {
    const uint64_t disk = size / kBlockSize * kBlockSize;
    ASSERT_OK_AND_ASSIGN(const uint64_t sectors, ProvidedSectors(disk));
    EXPECT_EQ(sectors % kSectorsPerBlock, 0U);
    EXPECT_LT(sectors * kSectorSize, disk);
    // Tags and journal cost less than 2 % and 40 MiB.
    EXPECT_GT(sectors * kSectorSize, disk / 100 * 98 - 40 * kMebibyte);
  }
}

TEST(IntegritySuperblockTest, RefusesSizesOutOfRange) {
  for (const uint64_t size :
       {uint64_t{0}, kMinDiskSize - 1, kMaxDiskSize + 1}) {
    EXPECT_THAT(ProvidedSectors(size),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(IntegritySuperblockTest, AcceptsTheKernelsSuperblock) {
  Bytes block = testing::KernelSuperblock(kSize);
  EXPECT_THAT(CheckSuperblock(block, kSize), IsOk());
  block[48] = 0x55;  // salt
  EXPECT_THAT(CheckSuperblock(block, kSize), IsOk());
}

struct Change {
  size_t offset;
  std::string field;
};

class ChangedSuperblockTest : public ::testing::TestWithParam<Change> {};

TEST_P(ChangedSuperblockTest, IsRefused) {
  Bytes block = testing::KernelSuperblock(kSize);
  block[GetParam().offset] ^= 2U;
  EXPECT_THAT(
      CheckSuperblock(block, kSize),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr(GetParam().field)));
}

INSTANTIATE_TEST_SUITE_P(
    EachField, ChangedSuperblockTest,
    ::testing::Values(
        Change{0, "no integrity superblock"},
        Change{7, "no integrity superblock"}, Change{8, "version"},
        Change{9, "interleave"}, Change{10, "tag size"}, Change{11, "tag size"},
        Change{12, "journal sections"}, Change{15, "journal sections"},
        Change{16, "provided sectors"}, Change{23, "provided sectors"},
        Change{24, "flags"}, Change{27, "flags"}, Change{28, "block size"},
        Change{29, "bitmap"}, Change{32, "recalculation"},
        Change{39, "recalculation"}));

TEST(IntegritySuperblockTest, RefusesAnotherDiskSize) {
  EXPECT_THAT(
      CheckSuperblock(testing::KernelSuperblock(kSize), kSize + 64 * kMebibyte),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("provided sectors")));
}

TEST(IntegritySuperblockTest, RefusesAShortBlock) {
  EXPECT_THAT(CheckSuperblock(Bytes(512), kSize),
              StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace constellation::disk_mapper
