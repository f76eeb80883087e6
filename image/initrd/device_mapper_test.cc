// SPDX-License-Identifier: Apache-2.0
// What is refused before the kernel is asked. What the kernel makes of the rest
// is seen when a node boots.
#include "image/initrd/device_mapper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/dm-ioctl.h>
#include <unistd.h>

#include <string>

#include "common/testing/status_matchers.h"

namespace constellation::image::initrd {
namespace {

using ::constellation::testing::StatusIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
// One page for header, target and table with its zero.
constexpr size_t kMaxTable =
    4096 - sizeof(dm_ioctl) - sizeof(dm_target_spec) - 1;

TEST(CreateReadOnlyDeviceTest, RefusesNamesThatDoNotFit) {
  EXPECT_THAT(CreateReadOnlyDevice("", "verity", 8, "t"), StatusIs(kInvalid));
  EXPECT_THAT(
      CreateReadOnlyDevice(std::string(DM_NAME_LEN, 'a'), "verity", 8, "t"),
      StatusIs(kInvalid));
}

TEST(CreateReadOnlyDeviceTest, RefusesTypesThatDoNotFit) {
  EXPECT_THAT(CreateReadOnlyDevice("root", "", 8, "t"), StatusIs(kInvalid));
  EXPECT_THAT(
      CreateReadOnlyDevice("root", std::string(DM_MAX_TYPE_NAME, 'a'), 8, "t"),
      StatusIs(kInvalid));
}

TEST(CreateReadOnlyDeviceTest, RefusesTablesThatDoNotFit) {
  EXPECT_THAT(CreateReadOnlyDevice("root", "verity", 8,
                                   std::string(kMaxTable + 1, 'a')),
              StatusIs(kInvalid));
  EXPECT_THAT(
      CreateReadOnlyDevice("root", "verity", 8, std::string(1U << 20U, 'a')),
      StatusIs(kInvalid));
}

TEST(CreateReadOnlyDeviceTest, TheLongestTableGetsAsFarAsTheKernel) {
  if (access("/dev/mapper/control", F_OK) == 0) {
    GTEST_SKIP() << "this machine's device mapper is left alone";
  }
  EXPECT_THAT(CreateReadOnlyDevice(std::string(DM_NAME_LEN - 1, 'a'),
                                   std::string(DM_MAX_TYPE_NAME - 1, 'a'), 8,
                                   std::string(kMaxTable, 'a')),
              StatusIs(absl::StatusCode::kInternal));
}

}  // namespace
}  // namespace constellation::image::initrd
