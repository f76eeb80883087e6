// SPDX-License-Identifier: Apache-2.0
#include "image/measure/fat.h"

#include <gtest/gtest.h>

#include <array>

#include "common/testing/status_matchers.h"
#include "image/measure/testing/builders.h"

namespace constellation::image::measure {
namespace {

using ::constellation::testing::StatusIs;
using testing::Bytes;
using testing::FatClusterOffset;
using testing::FatEntryOffset;
using testing::FatKind;
using ::testing::HasSubstr;
using testing::kLoaderCluster;
using testing::MakeFat;
using testing::PutLe16;
using testing::PutLe32;

constexpr std::array<std::string_view, 3> kPath = {"EFI", "BOOT",
                                                   "BOOTX64.EFI"};
constexpr size_t kMax = 1U << 20U;

Bytes Loader() {
  Bytes loader(5000);
  for (size_t i = 0; i < loader.size(); ++i) {
    loader[i] = static_cast<uint8_t>(i * 7 + i / 256);
  }
  return loader;
}

absl::StatusOr<Bytes> Read(const Bytes& disk, size_t max = kMax) {
  return ReadFatFile(MemorySource(disk), kPath, max);
}

void ExpectRefused(const Bytes& disk, std::string_view why) {
  EXPECT_THAT(Read(disk), StatusIs(absl::StatusCode::kInvalidArgument,
                                   HasSubstr(std::string(why))));
}

class FatTest : public ::testing::TestWithParam<FatKind> {
 protected:
  const Bytes loader_ = Loader();
  Bytes disk_ = MakeFat(GetParam(), loader_);
};

TEST_P(FatTest, ReadsAcrossClusters) {
  ASSERT_OK_AND_ASSIGN(const Bytes got, Read(disk_));
  EXPECT_EQ(got, loader_);
}

TEST_P(FatTest, ReadsAnEmptyFile) {
  ASSERT_OK_AND_ASSIGN(const Bytes got, Read(MakeFat(GetParam(), {})));
  EXPECT_TRUE(got.empty());
}

TEST_P(FatTest, SkipsDeletedEntries) {
  disk_[FatClusterOffset(GetParam(), 4)] = 0xE5;
  EXPECT_THAT(Read(disk_), StatusIs(absl::StatusCode::kNotFound,
                                    HasSubstr("no file called BOOTX64.EFI")));
}

TEST_P(FatTest, FolderIsNoFile) {
  disk_[FatClusterOffset(GetParam(), 4) + 11] = 0x10;
  EXPECT_THAT(Read(disk_), StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(FatTest, FileIsNoFolder) {
  disk_[FatClusterOffset(GetParam(), 3) + 11] = 0x20;
  EXPECT_THAT(Read(disk_), StatusIs(absl::StatusCode::kNotFound,
                                    HasSubstr("no folder called BOOT")));
}

TEST_P(FatTest, RejectsFileLargerThanAllowed) {
  EXPECT_THAT(
      Read(disk_, loader_.size() - 1),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 4999")));
}

TEST_P(FatTest, RejectsChainThatEndsEarly) {
  PutLe16(disk_, FatEntryOffset(GetParam(), kLoaderCluster), 0xFFFF);
  PutLe16(disk_, FatEntryOffset(GetParam(), kLoaderCluster) + 2, 0x0FFF);
  ExpectRefused(disk_, "shorter than its file");
}

TEST_P(FatTest, RejectsChainThatLeavesTheFileSystem) {
  PutLe16(disk_, FatEntryOffset(GetParam(), kLoaderCluster), 0xFFF0);
  PutLe16(disk_, FatEntryOffset(GetParam(), kLoaderCluster) + 2, 0x0001);
  ExpectRefused(disk_, "leaves the file system");
}

TEST_P(FatTest, RejectsFreeClusterInChain) {
  PutLe16(disk_, FatEntryOffset(GetParam(), kLoaderCluster), 0);
  ExpectRefused(disk_, "leaves the file system");
}

TEST_P(FatTest, RejectsFolderThatLoops) {
  PutLe16(disk_, FatEntryOffset(GetParam(), 3), 3);
  PutLe16(disk_, FatEntryOffset(GetParam(), 3) + 2,
          GetParam() == FatKind::k16 ? 0xFFFF : 0);
  ExpectRefused(disk_, "directory is too large");
}

TEST_P(FatTest, RejectsSectorSizes) {
  for (const uint16_t size :
       std::initializer_list<uint16_t>{0, 511, 513, 8192}) {
    PutLe16(disk_, 11, size);
    ExpectRefused(disk_, "sectors of");
  }
}

TEST_P(FatTest, RejectsClusterSizes) {
  for (const uint8_t size : std::initializer_list<uint8_t>{0, 3, 255}) {
    disk_[13] = size;
    ExpectRefused(disk_, "sectors per cluster");
  }
}

TEST_P(FatTest, RejectsNumberOfTables) {
  for (const uint8_t count : std::initializer_list<uint8_t>{0, 3}) {
    disk_[16] = count;
    ExpectRefused(disk_, "tables");
  }
}

TEST_P(FatTest, RejectsNoReservedSector) {
  PutLe16(disk_, 14, 0);
  ExpectRefused(disk_, "no table");
}

TEST_P(FatTest, RejectsSizeBeyondThePartition) {
  PutLe32(disk_, 32, static_cast<uint32_t>(disk_.size() / 512 + 1));
  ExpectRefused(disk_, "exceeds the partition");
}

TEST_P(FatTest, RejectsTableTooShort) {
  PutLe16(disk_, GetParam() == FatKind::k16 ? 22 : 36, 1);
  ExpectRefused(disk_, "table is too short");
}

TEST_P(FatTest, RejectsFewClusters) {
  PutLe32(disk_, 32, 700);
  ExpectRefused(disk_, "FAT12");
}

TEST_P(FatTest, RejectsEveryTruncation) {
  for (const size_t size : {size_t{0}, size_t{511}, disk_.size() - 1}) {
    Bytes shorter = disk_;
    shorter.resize(size);
    EXPECT_THAT(Read(shorter), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, FatTest,
                         ::testing::Values(FatKind::k16, FatKind::k32));

TEST(FatPathTest, RejectsLongNames) {
  const Bytes disk = MakeFat(FatKind::k16, Loader());
  const std::array<std::string_view, 1> path = {"LOADER123.EFI"};
  EXPECT_THAT(ReadFatFile(MemorySource(disk), path, kMax),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("8.3")));
}

TEST(FatPathTest, RejectsEmptyPath) {
  EXPECT_THAT(ReadFatFile(MemorySource({}), {}, kMax),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace constellation::image::measure
