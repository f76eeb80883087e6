// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/cluster_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::StatusIs;

MasterSecret SecretOf(uint8_t octet) {
  MasterSecret secret;
  secret.key = SecretBytes(Bytes(32, octet));
  secret.salt = Bytes(32, 2);
  return secret;
}
const std::string kSalt(64, '3');

TEST(DrawClusterValuesTest, KeepsASaltThatIsThere) {
  State state;
  DrawClusterValues(state);
  EXPECT_EQ(state.infrastructure.uid.size(), 2 * kUidBytes);
  EXPECT_EQ(state.infrastructure.init_secret.size(), 64U);
  EXPECT_EQ(state.cluster_values.measurement_salt.size(), 64U);
  State second;
  second.cluster_values.measurement_salt = kSalt;
  DrawClusterValues(second);
  EXPECT_EQ(second.cluster_values.measurement_salt, kSalt);
  EXPECT_NE(second.infrastructure.uid, state.infrastructure.uid);
  EXPECT_NE(second.infrastructure.init_secret,
            state.infrastructure.init_secret);
}

// The cluster's ID is what PCR15 of its members holds, so it never changes.
TEST(ClusterKeysTest, ClusterIdFollowsFromSecretAndSalts) {
  ASSERT_OK_AND_ASSIGN(const ClusterKeys keys,
                       ClusterKeys::Create(SecretOf(1), kSalt));
  ASSERT_OK_AND_ASSIGN(
      auto hierarchy,
      crypto::KeyHierarchy::Create(SecretBytes(Bytes(32, 1)), Bytes(32, 2)));
  EXPECT_EQ(keys.cluster_id(), *hierarchy.ClusterId(Bytes(32, 0x33)));
  EXPECT_EQ(keys.measurement_salt(), Bytes(32, 0x33));
  ASSERT_OK_AND_ASSIGN(const ClusterKeys other,
                       ClusterKeys::Create(SecretOf(9), kSalt));
  EXPECT_NE(keys.cluster_id(), other.cluster_id());
  ASSERT_OK_AND_ASSIGN(const ClusterKeys resalted,
                       ClusterKeys::Create(SecretOf(1), std::string(64, '4')));
  EXPECT_NE(keys.cluster_id(), resalted.cluster_id());
}

TEST(ClusterKeysTest, EachDiskHasItsOwnKey) {
  ASSERT_OK_AND_ASSIGN(ClusterKeys keys,
                       ClusterKeys::Create(SecretOf(1), kSalt));
  const std::string uuid = "3b241101-e2bb-4255-8caf-4136c566a962";
  ASSERT_OK_AND_ASSIGN(const RecoveryKeys first, keys.ForDisk(uuid));
  ASSERT_OK_AND_ASSIGN(const RecoveryKeys again, keys.ForDisk(uuid));
  ASSERT_OK_AND_ASSIGN(const RecoveryKeys second,
                       keys.ForDisk("3b241101-e2bb-4255-8caf-4136c566a963"));
  EXPECT_EQ(
      *crypto::ClusterIdFrom(first.measurement_secret, first.measurement_salt),
      keys.cluster_id());
  EXPECT_TRUE(first.state_disk_key.EqualsConstantTime(again.state_disk_key));
  EXPECT_FALSE(first.state_disk_key.EqualsConstantTime(second.state_disk_key));
}

TEST(ClusterKeysTest, RefusesDiskThatIsNoUuid) {
  ASSERT_OK_AND_ASSIGN(ClusterKeys keys,
                       ClusterKeys::Create(SecretOf(1), kSalt));
  EXPECT_THAT(keys.ForDisk(""), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(keys.ForDisk("../../etc"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ClusterKeysTest, RefusesSaltOfAnotherLength) {
  EXPECT_THAT(ClusterKeys::Create(SecretOf(1), std::string(62, '3')),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "measurementSalt: want 32 octets, got 31"));
  EXPECT_THAT(ClusterKeys::Create(SecretOf(1), std::string(66, '3')),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "measurementSalt: want 32 octets, got 33"));
  EXPECT_THAT(ClusterKeys::Create(SecretOf(1), std::string(64, 'g')),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ClusterKeysTest, RefusesShortMasterSecret) {
  MasterSecret secret = SecretOf(1);
  secret.key = SecretBytes(Bytes(31, 1));
  EXPECT_THAT(ClusterKeys::Create(secret, kSalt),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace constellation::cli
