// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/state_disk/disk_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "crypto/hkdf.h"

namespace constellation::disk_mapper {
namespace {

using ::constellation::testing::StatusIs;

SecretBytes Key(uint8_t octet = 1, size_t size = 32) {
  return SecretBytes(Bytes(size, octet));
}
std::string HexOf(const SecretBytes& secret) {
  return HexEncode(secret.Expose());
}

// Disks outlive programs: what each key is derived with is a disk format.
TEST(DiskKeysTest, EachUseHasItsLabel) {
  ASSERT_OK_AND_ASSIGN(const DiskKeys keys, DeriveDiskKeys(Key()));
  ASSERT_OK_AND_ASSIGN(const SecretBytes check, DeriveKeyCheckKey(Key()));
  const auto expected = [](const std::string& use, size_t size) {
    return HexOf(*crypto::HkdfSha256(
        Key(), {}, "constellation/v1/state-disk/" + use, size));
  };
  EXPECT_EQ(HexOf(keys.encryption), expected("encryption", 64));
  EXPECT_EQ(HexOf(keys.integrity), expected("integrity", 32));
  EXPECT_EQ(HexOf(keys.journal_mac), expected("journal", 32));
  EXPECT_EQ(HexOf(check), expected("key-check", 32));
}

TEST(DiskKeysTest, NoKeyIsAnothersBeginning) {
  ASSERT_OK_AND_ASSIGN(const DiskKeys keys, DeriveDiskKeys(Key()));
  ASSERT_OK_AND_ASSIGN(const SecretBytes check, DeriveKeyCheckKey(Key()));
  const std::set<std::string> halves = {HexOf(keys.encryption).substr(0, 64),
                                        HexOf(keys.encryption).substr(64),
                                        HexOf(keys.integrity),
                                        HexOf(keys.journal_mac),
                                        HexOf(check),
                                        HexOf(Key())};
  EXPECT_EQ(halves.size(), 6U);
}

TEST(DiskKeysTest, OtherDisksHaveOtherKeys) {
  EXPECT_FALSE(DeriveDiskKeys(Key(1))->encryption.EqualsConstantTime(
      DeriveDiskKeys(Key(2))->encryption));
  EXPECT_FALSE(DeriveKeyCheckKey(Key(1))->EqualsConstantTime(
      *DeriveKeyCheckKey(Key(2))));
}

TEST(DiskKeysTest, RefusesOtherSizes) {
  for (const size_t size : {0U, 31U, 33U, 64U}) {
    const std::string message =
        "state disk key: want 32 bytes, got " + std::to_string(size);
    EXPECT_THAT(DeriveDiskKeys(Key(1, size)),
                StatusIs(absl::StatusCode::kInvalidArgument, message));
    EXPECT_THAT(DeriveKeyCheckKey(Key(1, size)),
                StatusIs(absl::StatusCode::kInvalidArgument, message));
  }
}

}  // namespace
}  // namespace constellation::disk_mapper
