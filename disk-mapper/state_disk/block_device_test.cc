// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/state_disk/block_device.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "disk-mapper/state_disk/layout.h"

namespace constellation::disk_mapper {
namespace {

using constellation::testing::IsOk;
using constellation::testing::StatusIs;
using constellation::testing::TempDir;

class BlockDeviceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(WriteFileAtomically(path_, ""), IsOk());
    ASSERT_EQ(truncate(path_.c_str(), 4 * kMebibyte), 0);
    ASSERT_OK_AND_ASSIGN(device_, FileBlockDevice::Open(path_));
  }
  TempDir folder_;
  const std::string path_ = folder_.Join("disk");
  std::unique_ptr<FileBlockDevice> device_;
};

TEST_F(BlockDeviceTest, ReadsWhatItWrote) {
  EXPECT_EQ(device_->size(), 4 * kMebibyte);
  Bytes data(2 * kMebibyte + kBlockSize);
  for (size_t i = 0; i < data.size(); ++i) {
    data[i] = static_cast<uint8_t>(i * 7 / 3);
  }
  ASSERT_THAT(device_->Write(kBlockSize, data), IsOk());
  ASSERT_THAT(device_->Flush(), IsOk());
  Bytes read(data.size());
  ASSERT_THAT(device_->Read(kBlockSize, read), IsOk());
  EXPECT_EQ(read, data);
}

TEST_F(BlockDeviceTest, RefusesPartsOfBlocks) {
  Bytes block(kBlockSize);
  EXPECT_THAT(device_->Read(512, block),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(device_->Write(512, block),
              StatusIs(absl::StatusCode::kInvalidArgument));
  block.resize(100);
  EXPECT_THAT(device_->Read(0, block),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(BlockDeviceTest, RefusesWhatIsBeyondTheEnd) {
  Bytes block(kBlockSize);
  EXPECT_THAT(device_->Read(4 * kMebibyte, block),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(device_->Write(~uint64_t{0} / kBlockSize * kBlockSize, block),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(BlockDeviceTest, WritesZeros) {
  ASSERT_THAT(device_->Write(0, Bytes(3 * kMebibyte, 0xFF)), IsOk());
  ASSERT_THAT(WriteZeros(*device_, kBlockSize, 2 * kMebibyte), IsOk());
  Bytes read(3 * kMebibyte);
  ASSERT_THAT(device_->Read(0, read), IsOk());
  EXPECT_EQ(read[kBlockSize - 1], 0xFF);
  EXPECT_EQ(read[kBlockSize], 0);
  EXPECT_EQ(read[kBlockSize + 2 * kMebibyte - 1], 0);
  EXPECT_EQ(read[kBlockSize + 2 * kMebibyte], 0xFF);
}

TEST_F(BlockDeviceTest, ReportsADiskThatShrank) {
  ASSERT_EQ(truncate(path_.c_str(), kMebibyte), 0);
  Bytes block(kBlockSize);
  EXPECT_THAT(device_->Read(2 * kMebibyte, block),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(BlockDeviceTest, RefusesWhatIsNoDisk) {
  EXPECT_THAT(FileBlockDevice::Open(folder_.Join("none")),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(FileBlockDevice::Open("/dev/null"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace constellation::disk_mapper
