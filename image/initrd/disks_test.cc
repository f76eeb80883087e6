// SPDX-License-Identifier: Apache-2.0
#include "image/initrd/disks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace constellation::image::initrd {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

TEST(PartitionNameTest, FollowsTheKernel) {
  EXPECT_EQ(PartitionName("vda", 2), "vda2");
  EXPECT_EQ(PartitionName("sdaa", 12), "sdaa12");
  // A digit at the end needs a letter between.
  EXPECT_EQ(PartitionName("nvme0n1", 2), "nvme0n1p2");
  EXPECT_EQ(PartitionName("mmcblk0", 1), "mmcblk0p1");
}

// No machine has partitions of these names.
TEST(FindRootDevicesTest, SaysWhatItLookedFor) {
  measure::Guid data;
  data.bytes.fill(0xa1);
  measure::Guid hash;
  hash.bytes.fill(0xa2);
  const auto found = FindRootDevices(data, hash);
  EXPECT_THAT(
      found, StatusIs(absl::StatusCode::kNotFound, HasSubstr(data.ToString())));
  EXPECT_THAT(
      found, StatusIs(absl::StatusCode::kNotFound, HasSubstr(hash.ToString())));
}

}  // namespace
}  // namespace constellation::image::initrd
