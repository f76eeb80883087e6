// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/state_disk/key_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"
#include "disk-mapper/state_disk/disk_keys.h"
#include "disk-mapper/state_disk/layout.h"

namespace constellation::disk_mapper {
namespace {

using constellation::testing::IsOk;
using constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr std::string_view kUuid = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

SecretBytes Key(uint8_t octet) {
  return SecretBytes(Bytes(kStateDiskKeySize, octet));
}

class KeyCheckTest : public ::testing::Test {
 protected:
  Bytes block_ = *BuildKeyCheckBlock(Key(1), kUuid);
};

TEST_F(KeyCheckTest, AcceptsTheKey) {
  EXPECT_EQ(block_.size(), kBlockSize);
  EXPECT_THAT(VerifyKeyCheckBlock(block_, Key(1), kUuid), IsOk());
}

TEST_F(KeyCheckTest, RefusesAnotherKey) {
  EXPECT_THAT(VerifyKeyCheckBlock(block_, Key(2), kUuid),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("wrong key for state disk 6ba7b810")));
}

TEST_F(KeyCheckTest, RefusesAnotherDisk) {
  EXPECT_THAT(VerifyKeyCheckBlock(block_, Key(1),
                                  "6ba7b810-9dad-41d1-80b4-00c04fd430c9"),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(KeyCheckTest, RefusesAnyChangedOctetOfTheMac) {
  for (size_t at = 16; at < 48; ++at) {
    Bytes block = block_;
    block[at] ^= 1U;
    EXPECT_THAT(VerifyKeyCheckBlock(block, Key(1), kUuid),
                StatusIs(absl::StatusCode::kUnauthenticated));
  }
}

TEST_F(KeyCheckTest, CallsWhatIsNoSuchBlockDamage) {
  for (size_t at = 0; at < 8; ++at) {
    Bytes block = block_;
    block[at] ^= 1U;
    EXPECT_THAT(VerifyKeyCheckBlock(block, Key(1), kUuid),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("damaged")));
  }
  EXPECT_THAT(VerifyKeyCheckBlock(Bytes(kBlockSize), Key(1), kUuid),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(VerifyKeyCheckBlock(Bytes(16), Key(1), kUuid),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(KeyCheckTest, RefusesKeysOfAnotherSize) {
  for (const size_t size : {size_t{0}, size_t{31}, size_t{33}}) {
    EXPECT_THAT(BuildKeyCheckBlock(SecretBytes(size), kUuid),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("want 32 bytes")));
  }
}

TEST(DiskKeysTest, GivesEachUseAKeyOfItsOwn) {
  const auto keys = DeriveDiskKeys(Key(1));
  ASSERT_THAT(keys, IsOk());
  EXPECT_EQ(keys->encryption.size(), 64U);
  EXPECT_EQ(keys->integrity.size(), 32U);
  EXPECT_EQ(keys->journal_mac.size(), 32U);
  EXPECT_FALSE(keys->integrity.EqualsConstantTime(keys->journal_mac));
  // AES-XTS is weak if its two halves are equal.
  const auto encryption = keys->encryption.Expose();
  EXPECT_NE(HexEncode(encryption.first(32)), HexEncode(encryption.last(32)));
  const auto again = DeriveDiskKeys(Key(1));
  EXPECT_TRUE(again->encryption.EqualsConstantTime(keys->encryption));
}

}  // namespace
}  // namespace constellation::disk_mapper
