// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/disk_unlocker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/testing/status_matchers.h"
#include "disk-mapper/testing/node_fixture.h"

namespace constellation::disk_mapper {
namespace {

using constellation::testing::IsOk;
using constellation::testing::StatusIs;
using testing::ClusterId;
using testing::DiskKey;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class DiskUnlockerTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(node_.MakeOurs(), IsOk()); }

  void ExpectNothingOpen() {
    EXPECT_THAT(node_.mapper.devices, IsEmpty());
    EXPECT_THAT(node_.mounter.mounted, IsEmpty());
    EXPECT_THAT(node_.mark.marked, IsEmpty());
  }

  testing::FakeNode node_;
  DiskUnlocker unlocker_{
      {node_.paths, node_.disk, node_.mounter, node_.mark, node_.status},
      std::string(testing::kDiskUuid)};
};

TEST_F(DiskUnlockerTest, OpensMountsAndMarks) {
  ASSERT_THAT(unlocker_.TryKey(DiskKey(), testing::Owner(), "test"), IsOk());
  EXPECT_THAT(node_.mapper.devices, SizeIs(2));
  EXPECT_EQ(node_.mounter.last_device, "/dev/dm-1");
  EXPECT_THAT(node_.mounter.binds, SizeIs(6));
  EXPECT_EQ(node_.mark.marked, ClusterId());
  EXPECT_TRUE(unlocker_.IsDecided());
  EXPECT_THAT(unlocker_.result(), IsOk());
}

TEST_F(DiskUnlockerTest, GoesOnWaitingAfterAWrongKey) {
  EXPECT_THAT(unlocker_.TryKey(DiskKey(2), testing::Owner(), "test"),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_FALSE(unlocker_.IsDecided());
  ExpectNothingOpen();
  EXPECT_THAT(unlocker_.TryKey(DiskKey(), testing::Owner(), "test"), IsOk());
}

TEST_F(DiskUnlockerTest, RefusesAnotherCluster) {
  EXPECT_THAT(
      unlocker_.TryKey(DiskKey(), {ClusterId(0xC2), "worker-0"}, "test"),
      StatusIs(absl::StatusCode::kPermissionDenied,
               HasSubstr("another cluster")));
  EXPECT_FALSE(unlocker_.IsDecided());
  ExpectNothingOpen();
}

// The host gives one node the disk of another: both are enrolled and attested.
TEST_F(DiskUnlockerTest, RefusesTheDiskOfAnotherNode) {
  EXPECT_THAT(unlocker_.TryKey(DiskKey(), {ClusterId(), "worker-1"}, "test"),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("belongs to node 'worker-0', this one is "
                                 "enrolled as 'worker-1'")));
  EXPECT_FALSE(unlocker_.IsDecided());
  ExpectNothingOpen();
}

TEST_F(DiskUnlockerTest, RefusesAKeyForNobody) {
  EXPECT_THAT(unlocker_.TryKey(DiskKey(), {ClusterId(), ""}, "test"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  ExpectNothingOpen();
}

TEST_F(DiskUnlockerTest, RefusesWrongSizes) {
  EXPECT_THAT(unlocker_.TryKey(SecretBytes(31), testing::Owner(), "test"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(unlocker_.TryKey(DiskKey(), {Bytes(31), "worker-0"}, "test"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_FALSE(unlocker_.IsDecided());
}

TEST_F(DiskUnlockerTest, TakesNoKeyAfterTheFirstGoodOne) {
  ASSERT_THAT(unlocker_.TryKey(DiskKey(), testing::Owner(), "test"), IsOk());
  EXPECT_THAT(unlocker_.TryKey(DiskKey(), testing::Owner(), "test"),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(DiskUnlockerTest, RefusesANodeThatIsAMemberAlready) {
  node_.mark.marked = ClusterId();
  EXPECT_THAT(
      unlocker_.TryKey(DiskKey(), testing::Owner(), "test"),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("PCR15")));
  EXPECT_THAT(node_.mapper.devices, IsEmpty());
}

TEST_F(DiskUnlockerTest, DecidesThatTheDiskIsDamaged) {
  node_.mounter.mount_result = DataLoss("state disk damaged: bad block");
  EXPECT_THAT(unlocker_.TryKey(DiskKey(), testing::Owner(), "test"),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_TRUE(unlocker_.IsDecided());
  EXPECT_THAT(unlocker_.result(), StatusIs(absl::StatusCode::kDataLoss));
  ExpectNothingOpen();
}

TEST_F(DiskUnlockerTest, TakesAMissingNodeStateForDamage) {
  node_.mounter.node_state.reset();
  EXPECT_THAT(unlocker_.TryKey(DiskKey(), testing::Owner(), "test"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("node_state")));
  ExpectNothingOpen();
}

TEST_F(DiskUnlockerTest, LeavesNothingOpenIfTheTpmFails) {
  node_.mark.mark_result = Unavailable("TPM busy");
  EXPECT_THAT(unlocker_.TryKey(DiskKey(), testing::Owner(), "test"),
              StatusIs(absl::StatusCode::kUnavailable));
  ExpectNothingOpen();
  node_.mark.mark_result = absl::OkStatus();
  EXPECT_THAT(unlocker_.TryKey(DiskKey(), testing::Owner(), "test"), IsOk());
}

TEST_F(DiskUnlockerTest, LeavesNothingOpenIfBindingFails) {
  node_.mounter.bind_result = Internal("bind failed");
  EXPECT_THAT(unlocker_.TryKey(DiskKey(), testing::Owner(), "test"),
              StatusIs(absl::StatusCode::kInternal));
  ExpectNothingOpen();
}

}  // namespace
}  // namespace constellation::disk_mapper
