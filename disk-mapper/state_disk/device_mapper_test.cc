// SPDX-License-Identifier: Apache-2.0
// What is refused before the kernel is asked. What the kernel makes of the rest
// is seen in disk-mapper/vm_test.
#include "disk-mapper/state_disk/device_mapper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/dm-ioctl.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "common/testing/status_matchers.h"

namespace constellation::disk_mapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr size_t kMaxTable =
    (size_t{16} << 10U) - sizeof(dm_ioctl) - sizeof(dm_target_spec) - 1;

DmTarget Target() {
  return {"crypt", 8, SecretBytes(std::vector<uint8_t>(64, 'x'))};
}

TEST(KernelDeviceMapperTest, RefusesNamesThatAreNone) {
  KernelDeviceMapper mapper;
  for (const std::string& name :
       {std::string(), std::string("a/b"), std::string("..") + "/x",
        std::string("a\0b", 3), std::string(DM_NAME_LEN, 'a')}) {
    EXPECT_THAT(mapper.Create(name, Target()),
                StatusIs(kInvalid, HasSubstr("name")))
        << name;
    EXPECT_THAT(mapper.Replace(name, Target()), StatusIs(kInvalid)) << name;
    EXPECT_THAT(mapper.Table(name), StatusIs(kInvalid)) << name;
    EXPECT_THAT(mapper.Remove(name), StatusIs(kInvalid)) << name;
  }
}

// A table that was cut would map something else than was asked for.
TEST(KernelDeviceMapperTest, RefusesTargetsThatDoNotFit) {
  KernelDeviceMapper mapper;
  std::vector<DmTarget> bad(4);
  for (DmTarget& target : bad) {
    target = Target();
  }
  bad[0].type.clear();
  bad[1].type = std::string(DM_MAX_TYPE_NAME, 'a');
  bad[2].sectors = 0;
  bad[3].parameters = SecretBytes(std::vector<uint8_t>(kMaxTable + 1, 'x'));
  for (const DmTarget& target : bad) {
    EXPECT_THAT(mapper.Create("test-of-refusals", target),
                StatusIs(kInvalid, HasSubstr("does not fit")));
    EXPECT_THAT(mapper.Replace("test-of-refusals", target),
                StatusIs(kInvalid, HasSubstr("does not fit")));
  }
}

TEST(KernelDeviceMapperTest, WithoutADeviceMapperNothingWorks) {
  if (access("/dev/mapper/control", F_OK) == 0) {
    GTEST_SKIP() << "this machine's device mapper is left alone";
  }
  KernelDeviceMapper mapper;
  DmTarget longest = Target();
  longest.parameters = SecretBytes(std::vector<uint8_t>(kMaxTable, 'x'));
  EXPECT_THAT(
      mapper.Create("test", longest),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("/dev/mapper/control")));
  EXPECT_FALSE(mapper.Remove("test").ok());
}

TEST(KernelDeviceMapperTest, WhatIsNotThereNeedsNoRemoval) {
  if (access("/dev/mapper/control", R_OK | W_OK) != 0) {
    GTEST_SKIP() << "no device mapper here, or not ours";
  }
  KernelDeviceMapper mapper;
  EXPECT_THAT(mapper.Remove("constellation-test-absent"), IsOk());
  EXPECT_THAT(mapper.Table("constellation-test-absent"),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace constellation::disk_mapper
